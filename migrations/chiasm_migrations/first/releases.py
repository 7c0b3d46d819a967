"""Releases and how they did; spaces, and the segments and vectors in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chiasm_migrations.first.columns import BIG, identity

__all__ = ["TABLES", "create"]

#: In the order of creation.
TABLES = ("release", "evaluation", "space", "release_space", "segment", "embedding")


def create() -> None:
    """Create the tables with their indexes."""
    op.create_table(
        "release",
        identity(),
        sa.Column("workspace_id", BIG, nullable=False),
        sa.Column("number", BIG, nullable=False),
        sa.Column("state", sa.String(length=512), nullable=False),
        sa.Column("recipe", sa.JSON(), nullable=False),
        sa.Column("seed", BIG, nullable=False),
        sa.Column("revision", BIG, nullable=False),
        sa.Column("parent_id", BIG, nullable=True),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("gate", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("activated_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["release.id"], name=op.f("fk_release_parent_id_release")),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_release_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release")),
        sa.UniqueConstraint("workspace_id", "number", name=op.f("uq_release_workspace_id_number")),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "evaluation",
        identity(),
        sa.Column("workspace_id", BIG, nullable=False),
        sa.Column("release_id", BIG, nullable=True),
        sa.Column("revision", BIG, nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["release_id"], ["release.id"], name=op.f("fk_evaluation_release_id_release")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_evaluation_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation")),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "space",
        identity(),
        sa.Column("workspace_id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=512), nullable=False),
        sa.Column("stamp", sa.String(length=512), nullable=False),
        sa.Column("encoder", sa.Text(), nullable=True),
        sa.Column("dim", BIG, nullable=False),
        sa.Column("generation", BIG, nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_space_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_space")),
        sa.UniqueConstraint("workspace_id", "kind", "stamp", name=op.f("uq_space_workspace_id_kind_stamp")),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "release_space",
        sa.Column("release_id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=512), nullable=False),
        sa.Column("space_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["release_id"], ["release.id"], name=op.f("fk_release_space_release_id_release")
        ),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_release_space_space_id_space")),
        sa.PrimaryKeyConstraint("release_id", "kind", name=op.f("pk_release_space")),
    )

    op.create_table(
        "segment",
        identity(),
        sa.Column("space_id", BIG, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=512), nullable=False),
        sa.Column("rows", BIG, nullable=False),
        sa.Column("size_bytes", BIG, nullable=False),
        sa.Column("index_kind", sa.String(length=512), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_segment_space_id_space")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("segment", schema=None) as batch_op:
        batch_op.create_index("ix_segment_space_id_state", ["space_id", "state"], unique=False)

    op.create_table(
        "embedding",
        sa.Column("space_id", BIG, nullable=False),
        sa.Column("item_id", BIG, nullable=False),
        sa.Column("segment_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["segment_id"], ["segment.id"], name=op.f("fk_embedding_segment_id_segment")),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_embedding_space_id_space")),
        sa.PrimaryKeyConstraint("space_id", "item_id", name=op.f("pk_embedding")),
    )
    with op.batch_alter_table("embedding", schema=None) as batch_op:
        batch_op.create_index("ix_embedding_segment_id", ["segment_id"], unique=False)
