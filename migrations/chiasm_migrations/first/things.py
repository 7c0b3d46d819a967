"""What a catalogue holds: domains, entities, their assets, and triples between them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chiasm_migrations.first.columns import BIG, identity

__all__ = ["TABLES", "create"]

#: In the order of creation.
TABLES = ("domain", "predicate", "entity", "asset", "triple")


def create() -> None:
    """Create the tables with their indexes."""
    op.create_table(
        "domain",
        identity(),
        sa.Column("workspace_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_domain_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domain")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_domain_workspace_id_name")),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "predicate",
        identity(),
        sa.Column("workspace_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_predicate_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_predicate")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_predicate_workspace_id_name")),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "entity",
        identity(),
        sa.Column("workspace_id", BIG, nullable=False),
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.Column("domain_id", BIG, nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("is_stub", sa.Boolean(), nullable=False),
        sa.Column("record_hash", sa.String(), nullable=True),
        sa.Column("revision", BIG, nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("deleted_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["domain_id"], ["domain.id"], name=op.f("fk_entity_domain_id_domain")),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_entity_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entity")),
        sa.UniqueConstraint("workspace_id", "key", name=op.f("uq_entity_workspace_id_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("entity", schema=None) as batch_op:
        batch_op.create_index("ix_entity_workspace_id_domain_id", ["workspace_id", "domain_id"], unique=False)

    op.create_table(
        "asset",
        identity(),
        sa.Column("workspace_id", BIG, nullable=False),
        sa.Column("entity_id", BIG, nullable=False),
        sa.Column("modality", sa.String(length=512), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("media_type", sa.String(), nullable=True),
        sa.Column("size_bytes", BIG, nullable=False),
        sa.Column("lang", sa.String(), nullable=True),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("position", BIG, nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=512), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entity.id"], name=op.f("fk_asset_entity_id_entity")),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_asset_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset")),
        sa.UniqueConstraint(
            "entity_id", "modality", "sha256", name=op.f("uq_asset_entity_id_modality_sha256")
        ),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("asset", schema=None) as batch_op:
        batch_op.create_index("ix_asset_sha256", ["sha256"], unique=False)
        batch_op.create_index(
            "ix_asset_workspace_id_modality_state", ["workspace_id", "modality", "state"], unique=False
        )

    op.create_table(
        "triple",
        identity(),
        sa.Column("workspace_id", BIG, nullable=False),
        sa.Column("subject_id", BIG, nullable=False),
        sa.Column("predicate_id", BIG, nullable=False),
        sa.Column("object_id", BIG, nullable=True),
        sa.Column("literal", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("object_ref", sa.String(length=512), nullable=False),
        sa.Column("origin", sa.String(length=512), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["object_id"], ["entity.id"], name=op.f("fk_triple_object_id_entity")),
        sa.ForeignKeyConstraint(
            ["predicate_id"], ["predicate.id"], name=op.f("fk_triple_predicate_id_predicate")
        ),
        sa.ForeignKeyConstraint(["subject_id"], ["entity.id"], name=op.f("fk_triple_subject_id_entity")),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_triple_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_triple")),
        sa.UniqueConstraint(
            "subject_id",
            "predicate_id",
            "object_ref",
            name=op.f("uq_triple_subject_id_predicate_id_object_ref"),
        ),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("triple", schema=None) as batch_op:
        batch_op.create_index("ix_triple_object_id", ["object_id"], unique=False)
        batch_op.create_index("ix_triple_workspace_id", ["workspace_id"], unique=False)
