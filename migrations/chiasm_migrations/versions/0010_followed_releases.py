"""followed releases: up to where their vectors are right, what they are compared on and how they fare on trial.

Revision: 0010, after 0009. The log of changes says whose a changed asset or triple was.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chiasm.catalog.models.changes import change_statements, drop_change_statements

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLES = ("asset", "triple")


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _named() -> sa.String:
    return sa.String(length=512)


def upgrade() -> None:
    for column in ("entity_id", "other_id"):
        op.add_column("change", sa.Column(column, _big(), nullable=True))
    for column in ("followed", "history"):
        op.add_column("release", sa.Column(column, sa.JSON(none_as_null=True), nullable=True))
    _note(owners=True)
    op.create_table(
        "kept_query",
        sa.Column("id", _big(), autoincrement=True, nullable=False),
        sa.Column("workspace_id", _big(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("query", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_kept_query_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_query")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_kept_query_workspace_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "release_trial",
        sa.Column("id", _big(), autoincrement=True, nullable=False),
        sa.Column("workspace_id", _big(), nullable=False),
        sa.Column("release_id", _big(), nullable=False),
        sa.Column("against_id", _big(), nullable=True),
        sa.Column("kind", _named(), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("state", _named(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("ends_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_release_trial_workspace_id_workspace")
        ),
        sa.ForeignKeyConstraint(
            ["release_id"], ["release.id"], name=op.f("fk_release_trial_release_id_release")
        ),
        sa.ForeignKeyConstraint(
            ["against_id"], ["release.id"], name=op.f("fk_release_trial_against_id_release")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_trial")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_release_trial_workspace_id_state"), "release_trial", ["workspace_id", "state"])
    op.create_table(
        "release_traffic",
        sa.Column("trial_id", _big(), nullable=False),
        sa.Column("release_id", _big(), nullable=False),
        sa.Column("process", _named(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["release_trial.id"], name=op.f("fk_release_traffic_trial_id_release_trial")
        ),
        sa.ForeignKeyConstraint(
            ["release_id"], ["release.id"], name=op.f("fk_release_traffic_release_id_release")
        ),
        sa.PrimaryKeyConstraint("trial_id", "release_id", "process", name=op.f("pk_release_traffic")),
    )


def downgrade() -> None:
    for table in ("release_traffic", "release_trial", "kept_query"):
        op.drop_table(table)
    _note(owners=False)
    for table, columns in (("release", ("followed", "history")), ("change", ("entity_id", "other_id"))):
        for column in columns:
            op.drop_column(table, column)


def _note(*, owners: bool) -> None:
    name = op.get_bind().dialect.name
    for statement in (
        *drop_change_statements(name, _TABLES),
        *change_statements(name, _TABLES, owners=owners),
    ):
        op.execute(statement)
