"""row seals.

Revision: 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chiasm.catalog.models.seals import trigger_statements

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = ("entity", "asset", "job")


def upgrade() -> None:
    none = sa.text("row_hash IS NULL")
    for table in _TABLES:
        # Not in batch mode: a nullable column is added without copying the table.
        op.add_column(table, sa.Column("row_hash", sa.String(length=64), nullable=True))
        op.create_index(f"ix_{table}_unsealed", table, ["id"], sqlite_where=none, postgresql_where=none)
    for statement in trigger_statements(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in _TABLES:
        op.execute(
            f"DROP TRIGGER unseal_{table} ON {table}" if postgresql else f"DROP TRIGGER unseal_{table}"
        )
        op.drop_index(f"ix_{table}_unsealed", table_name=table)
        op.drop_column(table, "row_hash")
    if postgresql:
        op.execute("DROP FUNCTION chiasm_unseal()")
