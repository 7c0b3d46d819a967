"""schedules, feedback and webhooks.

Policies and the history of schedules; what people say of hits; whom to tell of outcomes; who works.

Revision: 0012, after 0011.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
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
    _create_notices()
    op.create_table(
        "live_worker",
        sa.Column("owner", sa.String(length=512), nullable=False),
        sa.Column("host", sa.String(length=512), nullable=False),
        sa.Column("pid", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("runners", sa.JSON(), nullable=False),
        sa.Column("device", sa.String(length=512), nullable=False),
        sa.Column("version", sa.String(length=512), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_live_worker")),
    )


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


def _create_notices() -> None:
    big, name = sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.String(length=512)
    op.create_table(
        "notice",
        sa.Column("id", big, autoincrement=True, nullable=False),
        sa.Column("workspace_id", big, nullable=False),
        sa.Column("event", name, nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_notice_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notice_workspace_id", "notice", ["workspace_id"])
    op.create_table(
        "delivery",
        sa.Column("notice_id", big, nullable=False),
        sa.Column("channel", name, nullable=False),
        sa.Column("state", name, nullable=False),
        sa.Column("attempts", big, nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_delivery_notice_id_notice")),
        sa.PrimaryKeyConstraint("notice_id", "channel", name=op.f("pk_delivery")),
    )
    op.create_index("ix_delivery_state_due_at", "delivery", ["state", "due_at"])


def downgrade() -> None:
    op.drop_table("live_worker")
    op.drop_table("delivery")
    op.drop_table("notice")
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
