"""Schedules: jobs that are asked for by the clock, or by what is new, other or worse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Schedule, ScheduleRun
from chiasm.catalog.names import check_name
from chiasm.errors import ConflictError, NotFoundError, UsageError
from chiasm.jobs.cron import check_cron, next_due
from chiasm.jobs.firing import fire_by_hand
from chiasm.jobs.policies import check_policies
from chiasm.jobs.runs import Clock, database_time
from chiasm.jobs.submitters import check_kind
from chiasm.jobs.triggers import check_conditions
from chiasm.settings import Settings

__all__ = ["Scheduled", "add", "find_schedule", "list_all", "pause", "remove", "resume", "run"]


@dataclass(frozen=True)
class Scheduled:
    """A schedule as users see it."""

    name: str
    cron: str | None
    timezone: str
    #: Share of entities new since the last release at which it fires.
    when_new: float | None
    #: How far what is new may be from what the last release was trained on, 0 to 1.
    when_drift: float | None
    #: Figure and what it must not fall below, as in `accept_rate<0.6`.
    when_metric: str | None
    job: str
    params: dict[str, Any]
    if_running: str
    if_missed: str
    paused: bool
    #: When it is due by the clock, or its conditions are looked at.
    next_run_at: float | None
    last_run_at: float | None

    def to_dict(self) -> dict[str, Any]:
        """The schedule as JSON."""
        return asdict(self)


def add(
    catalog: Catalog,
    workspace_id: int,
    name: str,
    *,
    job: str = "train",
    cron: str | None = None,
    timezone: str = "UTC",
    when_new: float | None = None,
    when_drift: float | None = None,
    when_metric: str | None = None,
    if_running: str = "skip",
    if_missed: str = "once",
    params: Mapping[str, Any] | None = None,
    clock: Clock = database_time,
) -> Scheduled:
    """A new schedule: by the clock, by conditions of which one is enough, or by the clock if one of them holds then.

    Args:
        catalog: Where to keep it.
        workspace_id: Tenant.
        name: Unique in the workspace.
        job: Kind of job: train, evaluate, ingest.
        cron: Five fields; due times are those of `timezone`.
        timezone: IANA name.
        when_new: Fire when this share (0 to 1] of the entities is new since the last release.
        when_drift: Fire when their vectors are this far (0 to 1] from those of before (`chiasm.jobs.drift`).
        when_metric: Fire when a figure of the release in use is below a bound, as in `accept_rate<0.6`.
        if_running: While a job of an earlier run has not ended: skip, queue or replace.
        if_missed: Of runs that nobody looked for in time: once, all or skip.
        params: Parameters of the job's submit function.
        clock: The time.

    Raises:
        UsageError: Neither clock nor condition, or one of the values cannot be used.
        ConflictError: The name is taken.
    """
    conditions = {"when_new": when_new, "when_drift": when_drift, "when_metric": when_metric}
    given = {key: value for key, value in conditions.items() if value is not None}
    if cron is None and not given:
        raise UsageError("a schedule has a cron line, a condition, or both", where=name)
    check_name(name, "the schedule")
    check_conditions(given)
    check_policies(if_running, if_missed)
    if cron is None and (timezone != "UTC" or if_missed != "once"):
        option = "--timezone" if timezone != "UTC" else "--if-missed"
        raise UsageError("only the clock has a time that can be missed", where=option, remedy="leave it out")
    if cron is not None:
        check_cron(cron, timezone)
    check_kind(job)
    with catalog.write() as session:
        if _find(session, workspace_id, name) is not None:
            raise ConflictError("the name is taken", where=name, remedy="`chiasm schedule remove` it first")
        row = Schedule(
            workspace_id=workspace_id,
            name=name,
            cron=cron,
            trigger={**({"timezone": timezone} if cron else {}), **given},
            job_kind=job,
            params=dict(params or {}),
            if_running=if_running,
            if_missed=if_missed,
            next_run_at=next_due(cron, clock(session), timezone) if cron else None,
        )
        session.add(row)
        session.flush()
        return _shown(row)


def list_all(catalog: Catalog, workspace_id: int) -> list[Scheduled]:
    """The schedules of a workspace, by name."""
    statement = select(Schedule).where(Schedule.workspace_id == workspace_id).order_by(Schedule.name)
    with catalog.read() as session:
        return [_shown(row) for row in session.scalars(statement)]


def pause(catalog: Catalog, workspace_id: int, name: str) -> Scheduled:
    """Stop a schedule from firing until it is resumed.

    Raises:
        NotFoundError: There is no such schedule.
    """
    with catalog.write() as session:
        row = find_schedule(session, workspace_id, name)
        row.paused = True
        return _shown(row)


def resume(catalog: Catalog, workspace_id: int, name: str, *, clock: Clock = database_time) -> Scheduled:
    """Let a paused schedule fire again; what it missed while paused stays missed.

    Raises:
        NotFoundError: There is no such schedule.
    """
    with catalog.write() as session:
        row = find_schedule(session, workspace_id, name)
        row.paused = False
        zone = row.trigger.get("timezone", "UTC")
        row.next_run_at = next_due(row.cron, clock(session), zone) if row.cron else None
        return _shown(row)


def remove(catalog: Catalog, workspace_id: int, name: str) -> None:
    """Delete a schedule and its history; its jobs stay.

    Raises:
        NotFoundError: There is no such schedule.
    """
    with catalog.write() as session:
        row = find_schedule(session, workspace_id, name)
        session.refresh(row, with_for_update=True)
        session.execute(delete(ScheduleRun).where(ScheduleRun.schedule_id == row.id))
        session.delete(row)


def run(
    settings: Settings, catalog: Catalog, workspace_id: int, name: str, *, clock: Clock = database_time
) -> int:
    """Fire a schedule now, whatever its clock says and whatever runs; the job's id.

    Raises:
        NotFoundError: There is no such schedule.
        UsageError: Its parameters do not fit its kind of job.
    """
    with catalog.read() as session:
        row = find_schedule(session, workspace_id, name)
    job_id = fire_by_hand(settings, catalog, row.id, clock=clock)
    if job_id is None:
        raise ConflictError("it is being fired at this moment", where=name, remedy="see `chiasm jobs list`")
    return job_id


def find_schedule(session: Session, workspace_id: int, name: str) -> Schedule:
    """A schedule by its name.

    Raises:
        NotFoundError: There is no such schedule.
    """
    row = _find(session, workspace_id, name)
    if row is None:
        raise NotFoundError("no such schedule", where=name, remedy="`chiasm schedule list` shows them")
    return row


def _find(session: Session, workspace_id: int, name: str) -> Schedule | None:
    return session.scalar(
        select(Schedule).where(Schedule.workspace_id == workspace_id, Schedule.name == name)
    )


def _shown(row: Schedule) -> Scheduled:
    return Scheduled(
        name=row.name,
        cron=row.cron,
        timezone=row.trigger.get("timezone", "UTC"),
        when_new=row.trigger.get("when_new"),
        when_drift=row.trigger.get("when_drift"),
        when_metric=row.trigger.get("when_metric"),
        job=row.job_kind,
        params=dict(row.params or {}),
        if_running=row.if_running,
        if_missed=row.if_missed,
        paused=row.paused,
        next_run_at=row.next_run_at,
        last_run_at=row.last_run_at,
    )
