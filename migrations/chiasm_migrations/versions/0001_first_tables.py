"""first tables.

Revision: 0001, after .
"""

from __future__ import annotations

from alembic import op

from chiasm_migrations.first import releases, things, work, workspaces

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

#: Each refers to those before it only.
_PARTS = (workspaces, work, things, releases)


def upgrade() -> None:
    for part in _PARTS:
        part.create()


def downgrade() -> None:
    for part in reversed(_PARTS):
        for table in reversed(part.TABLES):
            op.drop_table(table)
