"""Workers that share the embedded queue claim the pairs they revise."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "revision_claims",
        sa.Column("pair", KEY, autoincrement=False, nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["pair"], ["pairs.seq"], name="fk_revision_claims_pair"),
        sa.PrimaryKeyConstraint("pair", name="pk_revision_claims"),
    )
    op.create_index("ix_revision_claims_worker", "revision_claims", ["worker"])
