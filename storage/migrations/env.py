"""Alembic's entry script: runs the steps on the connection (and in the transaction) that `storage.schema` passes."""

from alembic import context

from storage import (  # noqa: F401  # every module that has tables
    adapter_tables,
    claim_tables,
    rating_tables,
    rollup_tables,
    stream_tables,
    work_tables,
)
from storage.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
