"""The first tables."""

import sqlalchemy as sa
from alembic import op

from storage.migrations.append_only import refuse_changes

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = sa.text("ended_at IS NULL")
APPEND_ONLY = ("revisions", "post_edits", "reviews", "events")


def upgrade() -> None:
    op.create_table(
        "meta",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_meta"),
    )

    op.create_table(
        "minhash_bands",
        sa.Column("key", KEY, autoincrement=False, nullable=False),
        sa.Column("pair", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_minhash_bands"),
    )

    op.create_table(
        "pairs",
        sa.Column("seq", KEY, autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("response", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("task_class", sa.Text(), nullable=True),
        sa.Column("class_confidence", sa.Float(), nullable=False),
        sa.Column("corrected_class", sa.Text(), nullable=True),
        sa.Column("duplicate_of", KEY, nullable=True),
        sa.Column("exclude_reason", sa.Text(), nullable=True),
        sa.Column("exclude_detail", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["duplicate_of"], ["pairs.seq"], name="fk_pairs_duplicate_of"),
        sa.PrimaryKeyConstraint("seq", name="pk_pairs"),
        sa.UniqueConstraint("id", name="uq_pairs_id"),
    )
    op.create_index("ix_pairs_status_seq", "pairs", ["status", "seq"])

    op.create_table(
        "people",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("name", name="uq_people_name"),
    )

    op.create_table(
        "redactions",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name="pk_redactions"),
    )

    op.create_table(
        "texts",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_texts"),
        sa.UniqueConstraint("hash", name="uq_texts_hash"),
    )

    op.create_table(
        "drafts",
        sa.Column("id", KEY, nullable=False),
        sa.Column("pair", KEY, nullable=False),
        sa.Column("person", KEY, nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("response", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["pair"], ["pairs.seq"], name="fk_drafts_pair"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_drafts_person"),
        sa.PrimaryKeyConstraint("id", name="pk_drafts"),
        sa.UniqueConstraint("pair", "person", "token", "slot", name="uq_drafts_pair_person_token_slot"),
    )

    op.create_table(
        "events",
        sa.Column("id", KEY, nullable=False),
        sa.Column("pair", KEY, nullable=False),
        sa.Column("person", KEY, nullable=True),
        sa.Column("from_status", sa.Text(), nullable=False),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["pair"], ["pairs.seq"], name="fk_events_pair"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_events_person"),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_pair", "events", ["pair"])

    op.create_table(
        "intake_positions",
        sa.Column("source", KEY, nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.Column("has_fragments", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["source"], ["texts.id"], name="fk_intake_positions_source"),
        sa.PrimaryKeyConstraint("source", name="pk_intake_positions"),
    )

    op.create_table(
        "joined_records",
        sa.Column("source", KEY, nullable=False),
        sa.Column("record", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["source"], ["texts.id"], name="fk_joined_records_source"),
        sa.PrimaryKeyConstraint("source", "record", "part", name="pk_joined_records"),
        sqlite_with_rowid=False,
    )

    op.create_table(
        "leases",
        sa.Column("id", KEY, nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("pair", KEY, nullable=False),
        sa.Column("person", KEY, nullable=False),
        sa.Column("claimed_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ending", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["pair"], ["pairs.seq"], name="fk_leases_pair"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_leases_person"),
        sa.PrimaryKeyConstraint("id", name="pk_leases"),
        sa.UniqueConstraint("token", name="uq_leases_token"),
    )
    op.create_index("ix_leases_expiry", "leases", ["expires_at"], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index("ix_leases_person_ended_at", "leases", ["person", "ended_at"])
    op.create_index("uq_leases_open", "leases", ["pair"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN)

    op.create_table(
        "occurrences",
        sa.Column("source", KEY, nullable=False),
        sa.Column("record", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.Column("pair", KEY, nullable=False),
        sa.Column("is_repeat", sa.Boolean(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("timestamp", sa.BigInteger(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("system_prompt", KEY, nullable=True),
        sa.Column("session_hash", sa.Text(), nullable=True),
        sa.Column("user_hash", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("extra", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["pair"], ["pairs.seq"], name="fk_occurrences_pair"),
        sa.ForeignKeyConstraint(["source"], ["texts.id"], name="fk_occurrences_source"),
        sa.ForeignKeyConstraint(["system_prompt"], ["texts.id"], name="fk_occurrences_system_prompt"),
        sa.PrimaryKeyConstraint("source", "record", "part", "pair", name="pk_occurrences"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_occurrences_pair_is_repeat", "occurrences", ["pair", "is_repeat"])

    op.create_table(
        "post_edits",
        sa.Column("id", KEY, nullable=False),
        sa.Column("pair", KEY, nullable=False),
        sa.Column("person", KEY, nullable=False),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("response", sa.Text(), nullable=False),
        sa.Column("active_seconds", sa.Float(), nullable=False),
        sa.Column("instruction_score", sa.SmallInteger(), nullable=True),
        sa.Column("response_score", sa.SmallInteger(), nullable=True),
        sa.Column("flaws", sa.Text(), nullable=True),
        sa.Column("categories", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["pair"], ["pairs.seq"], name="fk_post_edits_pair"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_post_edits_person"),
        sa.PrimaryKeyConstraint("id", name="pk_post_edits"),
        sa.UniqueConstraint("person", "idempotency_key", name="uq_post_edits_person_idempotency_key"),
    )
    op.create_index("ix_post_edits_pair", "post_edits", ["pair"])

    op.create_table(
        "queue_items",
        sa.Column("pair", KEY, autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("task_class", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("reserved_for", KEY, nullable=True),
        sa.ForeignKeyConstraint(["pair"], ["pairs.seq"], name="fk_queue_items_pair"),
        sa.ForeignKeyConstraint(["reserved_for"], ["people.id"], name="fk_queue_items_reserved_for"),
        sa.PrimaryKeyConstraint("pair", name="pk_queue_items"),
    )
    op.create_index(
        "ix_queue_items_reserved_for_state_priority_pair", "queue_items", ["reserved_for", "state", "priority", "pair"]
    )
    op.create_index("ix_queue_items_state_priority_pair", "queue_items", ["state", "priority", "pair"])
    op.create_index(
        "ix_queue_items_state_task_class_priority_pair", "queue_items", ["state", "task_class", "priority", "pair"]
    )

    op.create_table(
        "rejects",
        sa.Column("source", KEY, nullable=False),
        sa.Column("record", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["source"], ["texts.id"], name="fk_rejects_source"),
        sa.PrimaryKeyConstraint("source", "record", "part", "reason", name="pk_rejects"),
        sqlite_with_rowid=False,
    )

    op.create_table(
        "reviews",
        sa.Column("id", KEY, nullable=False),
        sa.Column("pair", KEY, nullable=False),
        sa.Column("person", KEY, nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("instruction", sa.Text(), nullable=True),
        sa.Column("input", sa.Text(), nullable=True),
        sa.Column("response", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["pair"], ["pairs.seq"], name="fk_reviews_pair"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_reviews_person"),
        sa.PrimaryKeyConstraint("id", name="pk_reviews"),
    )
    op.create_index("ix_reviews_pair", "reviews", ["pair"])

    op.create_table(
        "revisions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("pair", KEY, nullable=False),
        sa.Column("instruction", sa.Text(), nullable=True),
        sa.Column("input", sa.Text(), nullable=True),
        sa.Column("response", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("adapter", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("flags", sa.Text(), nullable=True),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["pair"], ["pairs.seq"], name="fk_revisions_pair"),
        sa.PrimaryKeyConstraint("id", name="pk_revisions"),
    )
    op.create_index("ix_revisions_pair", "revisions", ["pair"])

    op.create_table(
        "skips",
        sa.Column("person", KEY, nullable=False),
        sa.Column("pair", KEY, nullable=False),
        sa.Column("skipped_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["pair"], ["pairs.seq"], name="fk_skips_pair"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_skips_person"),
        sa.PrimaryKeyConstraint("person", "pair", name="pk_skips"),
        sqlite_with_rowid=False,
    )

    for table in APPEND_ONLY:
        refuse_changes(table)
