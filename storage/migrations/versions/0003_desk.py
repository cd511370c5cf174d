"""Accounts, review sampling, control arm, active time and rollups of the post-edit desk."""

import sqlalchemy as sa
from alembic import op

from storage.migrations.append_only import refuse_changes

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FREE = sa.text("state = 'free'")
EXCLUDED = sa.text("exclude_reason IS NOT NULL")
COUNTS = (
    "claimed",
    "submitted",
    "untouched",
    "withdrawn",
    "excluded",
    "skipped",
    "released",
    "sent",
    "reviewed",
    "returned",
    "fixed",
    "approved",
    "active_ms",
    "timed",
    "timed_ms",
    "log_micros",
    "log_squared_micros",
    "unusable",
    "raw_distance",
    "revision_distance",
    "disagreement",
)


def upgrade() -> None:
    _people()
    _work()
    _reviews()
    _rollups()


def _people() -> None:
    op.add_column("people", sa.Column("seniority", sa.Text(), nullable=False, server_default="regular"))
    op.add_column("people", sa.Column("is_active", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("people", sa.Column("token_id", sa.Text(), nullable=True))
    op.add_column("people", sa.Column("token_hash", sa.Text(), nullable=True))
    op.add_column("people", sa.Column("subject", sa.Text(), nullable=True))
    op.add_column("people", sa.Column("worked_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_people_token_id", "people", ["token_id"], unique=True)
    op.create_index("ix_people_subject", "people", ["subject"], unique=True)


def _work() -> None:
    op.add_column("queue_items", sa.Column("arm", sa.Text(), nullable=True))
    op.add_column("queue_items", sa.Column("queued_at", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("ix_queue_items_age", "queue_items", ["queued_at"], sqlite_where=FREE, postgresql_where=FREE)

    for name in ("unit", "task_class", "engine", "adapter"):
        op.add_column("leases", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("leases", sa.Column("arm", sa.Text(), nullable=False, server_default="coach"))
    op.add_column("leases", sa.Column("revision", sa.BigInteger(), nullable=True))
    op.add_column("leases", sa.Column("continues", sa.BigInteger(), nullable=True))
    op.add_column("leases", sa.Column("beats", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("leases", sa.Column("beat_at", sa.BigInteger(), nullable=True))
    op.add_column("leases", sa.Column("active_ms", sa.BigInteger(), nullable=False, server_default="0"))

    op.add_column("post_edits", sa.Column("lease", sa.BigInteger(), nullable=True))
    op.add_column("post_edits", sa.Column("arm", sa.Text(), nullable=False, server_default="coach"))
    op.add_column("post_edits", sa.Column("adapter", sa.Text(), nullable=True))
    op.add_column("post_edits", sa.Column("is_untouched", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("post_edits", sa.Column("raw_distance", sa.Integer(), nullable=True))
    op.add_column("post_edits", sa.Column("revision_distance", sa.Integer(), nullable=True))
    op.add_column("post_edits", sa.Column("review_reason", sa.Text(), nullable=True))
    op.create_index("ix_post_edits_created_at", "post_edits", ["created_at"])

    op.create_table(
        "withdrawals",
        sa.Column("id", KEY, nullable=False),
        sa.Column("pair", KEY, nullable=False),
        sa.Column("post_edit", KEY, nullable=False),
        sa.Column("person", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["pair"], ["pairs.seq"], name="fk_withdrawals_pair"),
        sa.ForeignKeyConstraint(["post_edit"], ["post_edits.id"], name="fk_withdrawals_post_edit"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_withdrawals_person"),
        sa.PrimaryKeyConstraint("id", name="pk_withdrawals"),
        sa.UniqueConstraint("post_edit", name="uq_withdrawals_post_edit"),
    )
    refuse_changes("withdrawals")


def _reviews() -> None:
    op.add_column("reviews", sa.Column("annotator", sa.BigInteger(), nullable=True))
    op.add_column("reviews", sa.Column("post_edit", sa.BigInteger(), nullable=True))
    op.add_column("reviews", sa.Column("distance", sa.Integer(), nullable=True))
    op.create_index("ix_reviews_annotator_id", "reviews", ["annotator", "id"])
    op.create_index(
        "ix_pairs_exclude_reason_seq",
        "pairs",
        ["exclude_reason", "seq"],
        sqlite_where=EXCLUDED,
        postgresql_where=EXCLUDED,
    )
    op.create_table(
        "review_items",
        sa.Column("pair", KEY, autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("task_class", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("annotator", KEY, nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["pair"], ["pairs.seq"], name="fk_review_items_pair"),
        sa.ForeignKeyConstraint(["annotator"], ["people.id"], name="fk_review_items_annotator"),
        sa.PrimaryKeyConstraint("pair", name="pk_review_items"),
    )
    op.create_index("ix_review_items_state_since", "review_items", ["state", "since"])
    op.create_index("ix_review_items_state_task_class_since", "review_items", ["state", "task_class", "since"])
    # What waited for an owner before there was sampling still does.
    op.execute(
        "INSERT INTO review_items (pair, state, task_class, reason, annotator, comment, since) "
        "SELECT p.seq, 'waiting', COALESCE(p.corrected_class, p.task_class, ''), 'sampled', e.person, '', e.created_at "
        "FROM pairs p JOIN post_edits e ON e.id = (SELECT MAX(id) FROM post_edits WHERE pair = p.seq) "
        "WHERE p.status = 'post_edited'"
    )


def _rollups() -> None:
    op.create_table(
        "work_rollups",
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("person", KEY, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("unit", "task_class", "engine", "adapter", "arm")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTS),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_work_rollups_person"),
        sa.PrimaryKeyConstraint(
            "hour", "person", "unit", "task_class", "engine", "adapter", "arm", name="pk_work_rollups"
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "stage_rollups",
        sa.Column("hour", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("stage", "reason", "engine", "adapter")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("pairs", "tokens", "work_ms")),
        sa.PrimaryKeyConstraint("hour", "stage", "reason", "engine", "adapter", name="pk_stage_rollups"),
        sqlite_with_rowid=False,
    )
