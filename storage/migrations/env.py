"""Alembic's entry script: runs the steps in the transaction that `storage.engine.schema` passes."""

from alembic import context

from storage.tables import adapters, claims, contexts, desk, rollups, streams, studies
from storage.tables.pairs import Base

TABLES = (
    adapters,
    claims,
    contexts,
    desk,
    rollups,
    streams,
    studies,
)  # `Base.metadata` has them once they are imported

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
