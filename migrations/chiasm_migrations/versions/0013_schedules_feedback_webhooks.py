"""schedules, feedback and webhooks.

Policies and the history of schedules; what people say of hits; whom to tell of outcomes.

Revision: 0013, after 0012.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_OLD_STATES = (
    "UPDATE schedule_run SET state = CASE WHEN job_id IS NOT NULL THEN 'fired' "
    "WHEN error IS NOT NULL THEN 'failed' ELSE 'claimed' END"
)


def upgrade() -> None:
    name = sa.String(length=512)
    op.add_column("schedule", sa.Column("if_running", name, nullable=False, server_default="skip"))
    op.add_column("schedule", sa.Column("if_missed", name, nullable=False, server_default="once"))
    op.add_column("schedule_run", sa.Column("state", name, nullable=False, server_default="claimed"))
    op.add_column("schedule_run", sa.Column("note", sa.Text(), nullable=True))
    op.add_column("schedule_run", sa.Column("cause", sa.JSON(), nullable=False, server_default="{}"))
    op.execute(_OLD_STATES)
    op.create_index("ix_schedule_run_state", "schedule_run", ["state"])
    _create_feedback()


def _create_feedback() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "feedback",
        sa.Column("id", big, autoincrement=True, nullable=False),
        sa.Column("workspace_id", big, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("release_id", big, nullable=True),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("entity_id", big, nullable=False),
        sa.Column("verdict", sa.String(length=512), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        *(
            sa.ForeignKeyConstraint([f"{to}_id"], [f"{to}.id"], name=op.f(f"fk_feedback_{to}_id_{to}"))
            for to in ("workspace", "release", "entity")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
        sa.UniqueConstraint("workspace_id", "digest", name=op.f("uq_feedback_workspace_id_digest")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_feedback_release_id_updated_at", "feedback", ["release_id", "updated_at"])
    op.create_index("ix_feedback_entity_id", "feedback", ["entity_id"])


def downgrade() -> None:
    op.drop_table("feedback")
    op.drop_index("ix_schedule_run_state", "schedule_run")
    for table, column in (
        ("schedule_run", "cause"),
        ("schedule_run", "note"),
        ("schedule_run", "state"),
        ("schedule", "if_missed"),
        ("schedule", "if_running"),
    ):
        op.drop_column(table, column)
