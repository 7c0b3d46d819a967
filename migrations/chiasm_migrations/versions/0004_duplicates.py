"""duplicates.

Revision: 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = ("merge_part", "entity_merge", "duplicate_pair", "fingerprint")


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _refers(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}"))


def upgrade() -> None:
    op.create_table(
        "fingerprint",
        sa.Column("workspace_id", _big(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=512), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        _refers("fingerprint", "workspace_id", "workspace"),
        sa.PrimaryKeyConstraint("workspace_id", "sha256", "kind", name=op.f("pk_fingerprint")),
    )
    op.create_table(
        "duplicate_pair",
        sa.Column("id", _big(), autoincrement=True, nullable=False),
        sa.Column("workspace_id", _big(), nullable=False),
        sa.Column("first_id", _big(), nullable=False),
        sa.Column("second_id", _big(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=512), nullable=False),
        sa.Column("job_id", _big(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        _refers("duplicate_pair", "workspace_id", "workspace"),
        _refers("duplicate_pair", "first_id", "entity"),
        _refers("duplicate_pair", "second_id", "entity"),
        _refers("duplicate_pair", "job_id", "job"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_pair")),
        sa.UniqueConstraint("first_id", "second_id", name=op.f("uq_duplicate_pair_first_id_second_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "entity_merge",
        sa.Column("id", _big(), autoincrement=True, nullable=False),
        sa.Column("workspace_id", _big(), nullable=False),
        sa.Column("entity_id", _big(), nullable=False),
        sa.Column("into_id", _big(), nullable=False),
        sa.Column("entity", sa.JSON(), nullable=False),
        sa.Column("filled", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        _refers("entity_merge", "workspace_id", "workspace"),
        _refers("entity_merge", "entity_id", "entity"),
        _refers("entity_merge", "into_id", "entity"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entity_merge")),
        sa.UniqueConstraint("entity_id", name=op.f("uq_entity_merge_entity_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "merge_part",
        sa.Column("id", _big(), autoincrement=True, nullable=False),
        sa.Column("merge_id", _big(), nullable=False),
        sa.Column("kind", sa.String(length=512), nullable=False),
        sa.Column("row_id", _big(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("subject_id", _big(), nullable=True),
        sa.Column("object_id", _big(), nullable=True),
        sa.Column("moved", sa.Boolean(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        _refers("merge_part", "merge_id", "entity_merge"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merge_part")),
        sqlite_autoincrement=True,
    )
    for table, columns in (
        ("duplicate_pair", ["second_id"]),
        ("duplicate_pair", ["workspace_id", "state", "confidence"]),
        ("entity_merge", ["into_id"]),
        ("entity_merge", ["workspace_id"]),
        ("merge_part", ["merge_id"]),
        ("merge_part", ["sha256"]),
        ("merge_part", ["subject_id"]),
        ("merge_part", ["object_id"]),
    ):
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
