"""Schedules: jobs that are asked for by the clock, or by what is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog, db_now
from chiasm.catalog.models import Schedule, ScheduleRun
from chiasm.catalog.names import check_name
from chiasm.errors import ConflictError, NotFoundError, UsageError
from chiasm.jobs.cron import check_cron, next_due
from chiasm.jobs.firing import fire_once
from chiasm.jobs.submitters import check_kind
from chiasm.settings import Settings

__all__ = ["Scheduled", "add", "list_all", "pause", "remove", "resume", "run"]


@dataclass(frozen=True)
class Scheduled:
    """A schedule as users see it."""

    name: str
    cron: str | None
    timezone: str
    #: Share of entities new since the last release at which it fires.
    when_new: float | None
    job: str
    params: dict[str, Any]
    paused: bool
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
    when_new: float | None = None,
    params: Mapping[str, Any] | None = None,
    timezone: str = "UTC",
) -> Scheduled:
    """A new schedule.

    Args:
        catalog: Where to keep it.
        workspace_id: Tenant.
        name: Unique in the workspace.
        job: Kind of job: train, evaluate, ingest.
        cron: Five fields; due times are those of `timezone`.
        when_new: Fire when this share (0 to 1] of the entities is new since the last release.
        params: Parameters of the job's submit function.
        timezone: IANA name.

    Raises:
        UsageError: Neither or both of cron and when_new, a bad cron line, share, time zone or job kind.
        ConflictError: The name is taken.
    """
    if (cron is None) == (when_new is None):
        raise UsageError("a schedule has either a cron line or a share of new entities", where=name)
    check_name(name, "the schedule")
    if when_new is not None and not 0 < when_new <= 1:
        raise UsageError(f"{when_new} is no share", where="--when-new", remedy="use 0.05 for five per cent")
    if timezone != "UTC" and cron is None:
        raise UsageError("only the clock has a time zone", where="--timezone", remedy="leave it out")
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
            trigger={"timezone": timezone} if cron else {"when_new": when_new},
            job_kind=job,
            params=dict(params or {}),
            next_run_at=next_due(cron, _now(session), timezone) if cron else None,
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
        row = _get(session, workspace_id, name)
        row.paused = True
        return _shown(row)


def resume(catalog: Catalog, workspace_id: int, name: str) -> Scheduled:
    """Let a paused schedule fire again; what it missed while paused stays missed.

    Raises:
        NotFoundError: There is no such schedule.
    """
    with catalog.write() as session:
        row = _get(session, workspace_id, name)
        row.paused = False
        if row.cron:
            row.next_run_at = next_due(row.cron, _now(session), row.trigger.get("timezone", "UTC"))
        return _shown(row)


def remove(catalog: Catalog, workspace_id: int, name: str) -> None:
    """Delete a schedule; its jobs stay.

    Raises:
        NotFoundError: There is no such schedule.
    """
    with catalog.write() as session:
        row = _get(session, workspace_id, name)
        session.execute(delete(ScheduleRun).where(ScheduleRun.schedule_id == row.id))
        session.delete(row)


def run(settings: Settings, catalog: Catalog, workspace_id: int, name: str) -> int:
    """Fire a schedule now, whatever its clock says; the job's id.

    Raises:
        NotFoundError: There is no such schedule.
        UsageError: Its parameters do not fit its kind of job.
    """
    with catalog.read() as session:
        row = _get(session, workspace_id, name)
        now = _now(session)
    job_id = fire_once(settings, catalog, row.id, now)
    if job_id is None:
        raise ConflictError("it is being fired at this moment", where=name, remedy="see `chiasm jobs list`")
    return job_id


def _now(session: Session) -> float:
    return float(session.scalar(select(db_now())) or 0.0)


def _find(session: Session, workspace_id: int, name: str) -> Schedule | None:
    return session.scalar(
        select(Schedule).where(Schedule.workspace_id == workspace_id, Schedule.name == name)
    )


def _get(session: Session, workspace_id: int, name: str) -> Schedule:
    row = _find(session, workspace_id, name)
    if row is None:
        raise NotFoundError("no such schedule", where=name, remedy="`chiasm schedule list` shows them")
    return row


def _shown(row: Schedule) -> Scheduled:
    return Scheduled(
        name=row.name,
        cron=row.cron,
        timezone=row.trigger.get("timezone", "UTC"),
        when_new=row.trigger.get("when_new"),
        job=row.job_kind,
        params=dict(row.params or {}),
        paused=row.paused,
        next_run_at=row.next_run_at,
        last_run_at=row.last_run_at,
    )
