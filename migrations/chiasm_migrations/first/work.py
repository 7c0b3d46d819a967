"""Jobs, their units and what failed in them; schedules and what they started."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chiasm_migrations.first.columns import BIG, identity

__all__ = ["TABLES", "create"]

#: In the order of creation.
TABLES = ("job", "work_unit", "failure", "schedule", "schedule_run")


def create() -> None:
    """Create the tables with their indexes."""
    op.create_table(
        "job",
        identity(),
        sa.Column("workspace_id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=512), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=512), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("stage", sa.String(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_job_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint(
            "workspace_id", "idempotency_key", name=op.f("uq_job_workspace_id_idempotency_key")
        ),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index("ix_job_workspace_id_created_at", ["workspace_id", "created_at"], unique=False)

    op.create_table(
        "work_unit",
        identity(),
        sa.Column("job_id", BIG, nullable=False),
        sa.Column("workspace_id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=512), nullable=False),
        sa.Column("queue", sa.String(length=512), nullable=False),
        sa.Column("priority", BIG, nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("dedup_key", sa.String(), nullable=True),
        sa.Column("state", sa.String(length=512), nullable=False),
        sa.Column("attempts", BIG, nullable=False),
        sa.Column("losses", BIG, nullable=False),
        sa.Column("claims", BIG, nullable=False),
        sa.Column("available_at", sa.Double(), nullable=False),
        sa.Column("split_on", sa.String(), nullable=True),
        sa.Column("token", BIG, nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("cursor", sa.JSON(), nullable=False),
        sa.Column("items_total", BIG, nullable=False),
        sa.Column("items_done", BIG, nullable=False),
        sa.Column("stage", sa.String(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("stack", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_work_unit_job_id_job")),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_work_unit_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_unit")),
        sa.UniqueConstraint("job_id", "dedup_key", name=op.f("uq_work_unit_job_id_dedup_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("work_unit", schema=None) as batch_op:
        batch_op.create_index(
            "ix_work_unit_claim", ["state", "queue", "workspace_id", "priority", "id"], unique=False
        )
        batch_op.create_index("ix_work_unit_job_id_state", ["job_id", "state"], unique=False)
        batch_op.create_index(
            "ix_work_unit_workspace_id_started_at", ["workspace_id", "started_at"], unique=False
        )

    op.create_table(
        "failure",
        identity(),
        sa.Column("job_id", BIG, nullable=False),
        sa.Column("unit_id", BIG, nullable=True),
        sa.Column("where", sa.Text(), nullable=True),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("error", sa.JSON(), nullable=False),
        sa.Column("stack", sa.Text(), nullable=True),
        sa.Column("replay", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("replayed_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_failure_job_id_job")),
        sa.ForeignKeyConstraint(["unit_id"], ["work_unit.id"], name=op.f("fk_failure_unit_id_work_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failure")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("failure", schema=None) as batch_op:
        batch_op.create_index("ix_failure_job_id", ["job_id"], unique=False)

    op.create_table(
        "schedule",
        identity(),
        sa.Column("workspace_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("cron", sa.String(), nullable=True),
        sa.Column("trigger", sa.JSON(), nullable=False),
        sa.Column("job_kind", sa.String(length=512), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("next_run_at", sa.Double(), nullable=True),
        sa.Column("last_run_at", sa.Double(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_schedule_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_schedule_workspace_id_name")),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "schedule_run",
        sa.Column("schedule_id", BIG, nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("job_id", BIG, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_schedule_run_job_id_job")),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedule.id"], name=op.f("fk_schedule_run_schedule_id_schedule")
        ),
        sa.PrimaryKeyConstraint("schedule_id", "due_at", name=op.f("pk_schedule_run")),
    )
