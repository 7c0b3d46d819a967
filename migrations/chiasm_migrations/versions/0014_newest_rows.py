"""newest rows: what came since is found without looking through all that a workspace has.

Revision: 0014, after 0013.
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TABLES = ("entity", "asset")


def upgrade() -> None:
    for table in _TABLES:
        op.create_index(f"ix_{table}_workspace_id_id", table, ["workspace_id", "id"])


def downgrade() -> None:
    for table in _TABLES:
        op.drop_index(f"ix_{table}_workspace_id_id", table_name=table)
