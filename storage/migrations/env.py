"""Alembic's entry script: runs the steps on the connection (and in the transaction) that `storage.schema` passes."""

from alembic import context

from storage.work_tables import Base  # all tables: these stand on those of `storage.tables`

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
