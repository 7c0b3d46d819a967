"""Firing of schedules: once for each due time, whatever number of beats run and whenever one of them dies.

The row (schedule, due time) decides who fires. The job's idempotency key is made of the same two, so a
beat that died between the row and the job is caught up with by the next one.
"""

from __future__ import annotations

import logging

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog, db_now
from chiasm.catalog.models import Schedule, ScheduleRun
from chiasm.errors import ChiasmError, UsageError
from chiasm.jobs.cron import next_due
from chiasm.jobs.submitters import submit
from chiasm.jobs.triggers import due_by_news
from chiasm.settings import Settings

__all__ = ["fire_due", "fire_once"]

_log = logging.getLogger(__name__)
#: A firing without a job for so long belongs to a beat that died.
_ORPHAN_S = 10.0


def fire_due(settings: Settings, catalog: Catalog) -> list[int]:
    """Fire every schedule that is due; the new jobs' ids.

    A schedule that cannot be fired does not stop the others; its error is kept with the run.
    """
    with catalog.read() as session:
        now = float(session.scalar(select(db_now())) or 0.0)
        orphans = select(ScheduleRun.schedule_id, ScheduleRun.due_at).where(
            ScheduleRun.job_id.is_(None),
            ScheduleRun.error.is_(None),
            ScheduleRun.created_at < now - _ORPHAN_S,
        )
        unfinished = [(row.schedule_id, row.due_at) for row in session.execute(orphans)]
        schedules = session.scalars(
            select(Schedule).where(Schedule.paused.is_(False)).order_by(Schedule.id)
        ).all()
        due = [(row.id, when) for row in schedules if (when := _due_at(session, row, now)) is not None]
    jobs: list[int] = []
    for schedule_id, due_at in unfinished:
        jobs += _quietly(settings, catalog, schedule_id, due_at, begun=True)
    for schedule_id, due_at in due:
        jobs += _quietly(settings, catalog, schedule_id, due_at, begun=False)
    return jobs


def fire_once(settings: Settings, catalog: Catalog, schedule_id: int, due_at: float) -> int | None:
    """Fire a schedule for a due time; the job's id, or None if somebody else did or does."""
    try:
        with catalog.write() as session:
            session.add(ScheduleRun(schedule_id=schedule_id, due_at=due_at, created_at=_now(session)))
            session.flush()
            _move_on(session, schedule_id)
    except IntegrityError:
        return None
    return _submit(settings, catalog, schedule_id, due_at)


def _due_at(session: Session, row: Schedule, now: float) -> float | None:
    if row.cron:
        return row.next_run_at if row.next_run_at is not None and row.next_run_at <= now else None
    return due_by_news(session, row)


def _quietly(
    settings: Settings, catalog: Catalog, schedule_id: int, due_at: float, *, begun: bool
) -> list[int]:
    try:
        fire = _submit if begun else fire_once
        job_id = fire(settings, catalog, schedule_id, due_at)
    except ChiasmError as error:
        _log.error("schedule %s cannot be fired: %s", schedule_id, error)
        return []
    return [] if job_id is None else [job_id]


def _move_on(session: Session, schedule_id: int) -> None:
    """Set the next due time: after now, so that of several missed runs one is caught up with."""
    row = session.get_one(Schedule, schedule_id)
    now = _now(session)
    row.last_run_at = now
    if row.cron and row.next_run_at is not None and row.next_run_at <= now:
        row.next_run_at = next_due(row.cron, now, row.trigger.get("timezone", "UTC"))


def _submit(settings: Settings, catalog: Catalog, schedule_id: int, due_at: float) -> int:
    with catalog.read() as session:
        row = session.get_one(Schedule, schedule_id)
    key = f"schedule:{schedule_id}:{due_at:.3f}"
    try:
        job_id = submit(settings, catalog, row.workspace_id, row.job_kind, row.params or {}, key)
    except ChiasmError as error:
        _record(catalog, schedule_id, due_at, error=str(error))
        raise
    except TypeError as error:
        _record(catalog, schedule_id, due_at, error=str(error))
        raise UsageError(
            f"its parameters do not fit a {row.job_kind} job: {error}",
            where=f"schedule {row.name}",
            remedy="remove it and add it with parameters that the job takes",
        ) from error
    _record(catalog, schedule_id, due_at, job_id=job_id)
    return job_id


def _record(catalog: Catalog, schedule_id: int, due_at: float, **values: int | str) -> None:
    with catalog.write() as session:
        run = (ScheduleRun.schedule_id == schedule_id) & (ScheduleRun.due_at == due_at)
        session.execute(update(ScheduleRun).where(run).values(**values))


def _now(session: Session) -> float:
    return float(session.scalar(select(db_now())) or 0.0)
