"""changed statements: those whose origin or confidence is another are in the log of changes too.

Revision: 0009, after 0008.
"""

from __future__ import annotations

from alembic import op

from chiasm.catalog.models.changes import change_statements, drop_change_statements

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TABLES = ("triple",)


def upgrade() -> None:
    bind = op.get_bind()
    name = bind.dialect.name
    made = change_statements(name, _TABLES, owners=False)
    for statement in (*drop_change_statements(name, _TABLES), *made):
        op.execute(statement)


def downgrade() -> None:
    """Nothing: that more is noted than 0007 asks for does no harm."""
