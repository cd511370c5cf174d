"""Model calls that arrive in parts wait for the rest of them."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "waiting_calls",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("parts", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_waiting_calls"),
    )
    op.create_index("ix_waiting_calls_changed_at", "waiting_calls", ["changed_at"])
