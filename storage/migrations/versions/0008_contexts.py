"""Pairs have a context, stored once a conversation. Pairs that are there keep their texts and ids: they have none."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
IS_HELD = sa.text("holder IS NOT NULL")
IN_CONVERSATION = sa.text("conversation IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("task_class", sa.Text(), nullable=True),
        sa.Column("holder", sa.BigInteger(), nullable=True),
        sa.Column("held_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_conversations"),
        sa.UniqueConstraint("name", name="uq_conversations_name"),
    )
    op.create_index(
        "ix_conversations_holder", "conversations", ["holder"], sqlite_where=IS_HELD, postgresql_where=IS_HELD
    )
    op.create_table(
        "contexts",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("before", KEY, nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["before"], ["contexts.id"], name="fk_contexts_before"),
        sa.PrimaryKeyConstraint("id", name="pk_contexts"),
        sa.UniqueConstraint("digest", name="uq_contexts_digest"),
    )
    op.add_column("pairs", sa.Column("conversation", sa.BigInteger(), nullable=True))
    op.add_column("pairs", sa.Column("turn", sa.Integer(), nullable=True))
    op.add_column("pairs", sa.Column("context", sa.BigInteger(), nullable=True))
    op.add_column("pairs", sa.Column("context_messages", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("pairs", sa.Column("context_steps", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("rating_tasks", sa.Column("context", sa.Text(), nullable=True))
    op.create_index(
        "ix_pairs_conversation_turn",
        "pairs",
        ["conversation", "turn"],
        sqlite_where=IN_CONVERSATION,
        postgresql_where=IN_CONVERSATION,
    )
