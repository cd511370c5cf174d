"""Reviews are reserved and taken back, drafts say which browser wrote them, people have a time zone."""

import sqlalchemy as sa
from alembic import op

from storage.migrations.append_only import refuse_changes

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "reopenings",
        sa.Column("id", KEY, nullable=False),
        sa.Column("pair", KEY, nullable=False),
        sa.Column("review", KEY, nullable=True),
        sa.Column("person", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["pair"], ["pairs.seq"], name="fk_reopenings_pair"),
        sa.ForeignKeyConstraint(["review"], ["reviews.id"], name="fk_reopenings_review"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_reopenings_person"),
        sa.PrimaryKeyConstraint("id", name="pk_reopenings"),
        sa.UniqueConstraint("review", name="uq_reopenings_review"),
    )
    op.create_index("ix_reopenings_pair", "reopenings", ["pair"])
    refuse_changes("reopenings")
    op.add_column("review_items", sa.Column("reserved_by", sa.BigInteger(), nullable=True))
    op.add_column("review_items", sa.Column("reserved_until", sa.BigInteger(), nullable=True))
    op.add_column("drafts", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("drafts", sa.Column("writer", sa.Text(), nullable=False, server_default=""))
    op.add_column("people", sa.Column("time_zone", sa.Text(), nullable=True))
