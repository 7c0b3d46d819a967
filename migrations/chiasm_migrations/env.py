"""Alembic environment: runs on the connection that `upgrade` hands over, never reads a file."""

from __future__ import annotations

from alembic import context

from chiasm.catalog.models import Base

connection = context.config.attributes["connection"]
# Batch mode: SQLite alters a table by copying it.
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
