"""Work: jobs, their units, what failed, and schedules."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chiasm.catalog.models.base import Base, BigId, Json, Name, RowHash, Seconds, unsealed

__all__ = ["Failure", "Job", "Schedule", "ScheduleRun", "WorkUnit"]


class Job(Base):
    """What was asked, and how far it is."""

    __tablename__ = "job"
    __table_args__ = (
        unsealed("job"),
        UniqueConstraint("workspace_id", "idempotency_key"),
        Index("ix_job_workspace_id_created_at", "workspace_id", "created_at"),
    )

    id: Mapped[BigId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    #: ingest, train, evaluate, ...
    kind: Mapped[Name]
    params: Mapped[Json]
    #: queued, running, paused, done, failed or cancelled.
    state: Mapped[Name] = mapped_column(default="queued")
    #: Same key, same job: asking twice does it once.
    idempotency_key: Mapped[str | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    stage: Mapped[str | None]
    result: Mapped[Json]
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Seconds]
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]
    #: Seal over the facts of the row (`chiasm.catalog.seals`); None until it is computed.
    row_hash: Mapped[RowHash]


class WorkUnit(Base):
    """A claimable part of a job: leased, fenced, counted."""

    __tablename__ = "work_unit"
    __table_args__ = (
        # A claim asks per workspace for its most urgent ready unit, and for when it was last served.
        Index("ix_work_unit_claim", "state", "queue", "workspace_id", "priority", "id"),
        Index("ix_work_unit_workspace_id_started_at", "workspace_id", "started_at"),
        Index("ix_work_unit_job_id_state", "job_id", "state"),
        # Units of equal purpose within a job are made once, however often their maker is retried.
        UniqueConstraint("job_id", "dedup_key"),
    )

    id: Mapped[BigId]
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    #: read, embed, fuse, train, build, evaluate, ...
    kind: Mapped[Name]
    #: ingest or train: which lane of a worker claims it.
    queue: Mapped[Name]
    #: Smaller first.
    priority: Mapped[int] = mapped_column(default=100)
    payload: Mapped[Json]
    dedup_key: Mapped[str | None]
    #: ready, leased, paused, done, failed or cancelled.
    state: Mapped[Name] = mapped_column(default="ready")
    #: Times it ended in an error of its own, times its worker was lost, and times it was claimed.
    attempts: Mapped[int] = mapped_column(default=0)
    losses: Mapped[int] = mapped_column(default=0)
    claims: Mapped[int] = mapped_column(default=0)
    #: Not claimed before this (seconds since the epoch): the pause after an error of its own.
    available_at: Mapped[float] = mapped_column(default=0.0)
    #: Name of the payload's list that may be halved to corner a record that kills workers.
    split_on: Mapped[str | None]
    #: Fencing token: counts up with each claim; an effect with an older one is refused.
    token: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None]
    lease_until: Mapped[float | None]
    #: How far a resumable unit came (committed with its effects).
    cursor: Mapped[Json]
    items_total: Mapped[int] = mapped_column(default=0)
    items_done: Mapped[int] = mapped_column(default=0)
    stage: Mapped[str | None]
    result: Mapped[Json]
    error: Mapped[str | None] = mapped_column(Text)
    stack: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Seconds]
    #: When it was last claimed.
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]


class Failure(Base):
    """A record, asset or unit that failed alone: where, why, and what to replay."""

    __tablename__ = "failure"
    __table_args__ = (Index("ix_failure_job_id", "job_id"),)

    id: Mapped[BigId]
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("work_unit.id"))
    #: File and line, or asset.
    where: Mapped[str | None] = mapped_column(Text)
    #: Entity key, where known.
    key: Mapped[str | None] = mapped_column(Text)
    #: `ChiasmError.to_dict()`.
    error: Mapped[Json]
    stack: Mapped[str | None] = mapped_column(Text)
    #: What to hand in again on retry: `{"kind": ..., "payload": {...}}` of a new unit; none: the unit itself.
    replay: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[Seconds]
    replayed_at: Mapped[float | None]


class Schedule(Base):
    """A cron line or a trigger that asks for a job."""

    __tablename__ = "schedule"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[BigId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    name: Mapped[Name]
    cron: Mapped[str | None]
    #: Conditions (`when_new`, `when_drift`, `when_metric`), and the cron line's `timezone`.
    trigger: Mapped[Json]
    job_kind: Mapped[Name]
    params: Mapped[Json]
    paused: Mapped[bool] = mapped_column(default=False)
    #: While a job of an earlier run has not ended: skip, queue or replace.
    if_running: Mapped[Name] = mapped_column(default="skip")
    #: Of runs whose time passed while nobody looked: once, all or skip.
    if_missed: Mapped[Name] = mapped_column(default="once")
    #: When a cron line is due, or when conditions are looked at, next.
    next_run_at: Mapped[float | None]
    last_run_at: Mapped[float | None]
    created_at: Mapped[Seconds]


class ScheduleRun(Base):
    """One due time and what came of it; the key makes it once, whatever number of beats run."""

    __tablename__ = "schedule_run"
    __table_args__ = (Index("ix_schedule_run_state", "state"),)

    schedule_id: Mapped[int] = mapped_column(ForeignKey("schedule.id"), primary_key=True)
    #: Of conditions without a clock: when the release was made that they were measured from.
    due_at: Mapped[float] = mapped_column(primary_key=True)
    #: claimed (a beat makes the job; one that died over it is caught up with), waiting, fired, skipped, missed, failed.
    state: Mapped[Name] = mapped_column(default="claimed")
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    #: Why it was skipped or came late.
    note: Mapped[str | None] = mapped_column(Text)
    #: What its conditions measured.
    cause: Mapped[Json]
    #: Why no job could be made.
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Seconds]
