"""Workspaces, and the keys to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chiasm_migrations.first.columns import BIG, identity

__all__ = ["TABLES", "create"]

#: In the order of creation.
TABLES = ("workspace", "api_key")


def create() -> None:
    """Create the tables with their indexes."""
    op.create_table(
        "workspace",
        identity(),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("revision", BIG, nullable=False),
        sa.Column("active_release_id", BIG, nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace")),
        sa.UniqueConstraint("name", name=op.f("uq_workspace_name")),
        # Ids are names of vectors in files: none may come again.
        sqlite_autoincrement=True,
    )

    op.create_table(
        "api_key",
        identity(),
        sa.Column("workspace_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=512), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("revoked_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_api_key_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_key_key_hash")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_api_key_workspace_id_name")),
        sqlite_autoincrement=True,
    )
