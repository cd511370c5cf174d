"""The registry of adapters and the runs of the refresh service."""

import sqlalchemy as sa
from alembic import op

from storage.migrations.append_only import refuse_changes

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "adapters",
        sa.Column("id", KEY, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("base_digest", sa.Text(), nullable=False),
        sa.Column("artifact", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("training", sa.Text(), nullable=True),
        sa.Column("gate", sa.Text(), nullable=True),
        sa.Column("canary_share", sa.Float(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_adapters"),
        sa.UniqueConstraint("digest", name="uq_adapters_digest"),
    )
    for state in ("current", "canary"):
        only = sa.text(f"state = '{state}'")
        op.create_index(
            f"uq_adapters_{state}", "adapters", ["state"], unique=True, sqlite_where=only, postgresql_where=only
        )
    op.create_table(
        "adapter_events",
        sa.Column("id", KEY, nullable=False),
        sa.Column("adapter", KEY, nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["adapter"], ["adapters.id"], name="fk_adapter_events_adapter"),
        sa.PrimaryKeyConstraint("id", name="pk_adapter_events"),
    )
    op.create_index("ix_adapter_events_adapter", "adapter_events", ["adapter"])
    refuse_changes("adapter_events")
    op.create_table(
        "refresh_runs",
        sa.Column("id", KEY, nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("approved_pairs", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("adapter", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_refresh_runs"),
    )
