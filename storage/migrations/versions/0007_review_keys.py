"""Decisions of owners carry a key, so that one that is sent twice counts once."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reviews", sa.Column("idempotency_key", sa.Text(), nullable=True))
    op.add_column("reviews", sa.Column("version", sa.Integer(), nullable=True))
    op.create_index("uq_reviews_key", "reviews", ["person", "idempotency_key"], unique=True)
