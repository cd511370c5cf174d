"""Rejects say how the record begins, and items of the queue have a place: their number, moved by what the log says.

Rejects that are there have no excerpt: their records are not kept. Items that are there keep their order.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ORDERS = (("reserved_for", "state"), ("state",), ("state", "task_class"))


def upgrade() -> None:
    op.add_column("rejects", sa.Column("excerpt", sa.Text(), nullable=True))
    op.create_index("ix_rejects_reason_source_record_part", "rejects", ["reason", "source", "record", "part"])
    op.add_column("queue_items", sa.Column("place", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("UPDATE queue_items SET place = pair")
    for columns in ORDERS:
        name = f"ix_queue_items_{'_'.join(columns)}_priority"
        op.drop_index(f"{name}_pair", "queue_items")
        op.create_index(f"{name}_place_pair", "queue_items", [*columns, "priority", "place", "pair"])
