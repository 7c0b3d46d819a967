"""full text.

Revision: 0006, after 0004.
"""

from __future__ import annotations

from alembic import op

from chiasm.catalog.models.full_text import drop_statements, index_statements

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    bind = op.get_bind()
    for statement in index_statements(bind.dialect.name):
        # Past SQLAlchemy's and Alembic's own reading: there are colons in it that name no parameter.
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    bind = op.get_bind()
    for statement in drop_statements(bind.dialect.name):
        bind.exec_driver_sql(statement)
