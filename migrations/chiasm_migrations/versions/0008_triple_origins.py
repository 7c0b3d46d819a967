"""triple origins: the log of changes notes when a derived statement is stated, or the other way round.

Revision: 0008, after 0007.
"""

from __future__ import annotations

from alembic import op

from chiasm.catalog.models.changes import change_statements

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BEFORE = ("subject_id", "predicate_id", "object_id")


def upgrade() -> None:
    _replace(None)


def downgrade() -> None:
    _replace(_BEFORE)


def _replace(columns: tuple[str, ...] | None) -> None:
    dialect = op.get_bind().dialect.name
    for name in ("changed_triple", "deleted_triple"):
        op.execute(f"DROP TRIGGER {name} ON triple" if dialect == "postgresql" else f"DROP TRIGGER {name}")
    for statement in change_statements(dialect, table="triple", columns=columns):
        op.execute(statement)
