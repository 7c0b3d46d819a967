"""changes.

Revision: 0007, after 0006.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

from chiasm.catalog.models.changes import change_statements

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TABLES = ("entity", "asset", "triple")


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    made = op.create_table(
        "change",
        sa.Column("id", _big(), autoincrement=True, nullable=False),
        sa.Column("workspace_id", _big(), nullable=False),
        sa.Column("kind", sa.String(length=512), nullable=False),
        sa.Column("row_id", _big(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_change_workspace_id_id"), "change", ["workspace_id", "id"])
    op.bulk_insert(made, [{"workspace_id": 0, "kind": "epoch", "row_id": secrets.randbits(62)}])
    for statement in change_statements(op.get_bind().dialect.name, owners=False):
        op.execute(statement)


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in _TABLES:
        for name in (f"changed_{table}", f"deleted_{table}"):
            op.execute(f"DROP TRIGGER {name} ON {table}" if postgresql else f"DROP TRIGGER {name}")
        if postgresql:
            op.execute(f"DROP FUNCTION chiasm_changed_{table}()")
    op.drop_table("change")
