"""Runs the migrations on the connection that `receiver.store.migrations` hands over; Alembic looks for this file."""

from alembic import context

from receiver.store.database.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
