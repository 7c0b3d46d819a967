"""Firing of schedules: once for each due time, whatever number of beats run and whenever one of them dies.

There is no leader: a beat that had a lease and stalls would have to be waited for, and one that wakes up late would
still fire. The row (schedule, due time) decides who fires. The job's idempotency key is made of the same two, so a
beat that died between the row and the job is caught up with by the next one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Schedule, ScheduleRun
from chiasm.errors import ChiasmError, UnavailableError, UsageError
from chiasm.jobs.control import cancel
from chiasm.jobs.notices import note
from chiasm.jobs.policies import MAX_WAITING, plan_of
from chiasm.jobs.runs import (
    Clock,
    Run,
    claim,
    claim_planned,
    database_time,
    earlier_jobs,
    is_replaced,
    look,
    next_waiting,
    record,
)
from chiasm.jobs.submitters import submit
from chiasm.jobs.triggers import Measured, conditions_of, look_again_s, measure, waits_for
from chiasm.settings import Settings

__all__ = ["fire_by_hand", "fire_due"]

_log = logging.getLogger(__name__)
#: A firing without a job for so long belongs to a beat that died.
_ORPHAN_S = 10.0


def fire_due(settings: Settings, catalog: Catalog, *, clock: Clock = database_time) -> list[int]:
    """Fire every schedule that is due; the new jobs' ids.

    A schedule that cannot be fired does not stop the others; its error is kept with the run.

    Args:
        settings: The home.
        catalog: Its catalog.
        clock: The time; the database's own unless a day is to be simulated.
    """
    with catalog.read() as session:
        now = clock(session)
        orphans, waiting, due = _orphans(session, now), _waiting(session), _due(session, now)
    jobs: list[int] = []
    for run in orphans:
        jobs += _quietly(run.schedule_id, partial(_made, settings, catalog, run))
    for schedule_id in waiting:
        jobs += _quietly(schedule_id, partial(_fire_waiting, settings, catalog, schedule_id, clock))
    for row in due:
        fire = _fire_by_clock if row.cron else _fire_by_conditions
        jobs += _quietly(row.id, partial(fire, settings, catalog, row, now))
    return jobs


def fire_by_hand(
    settings: Settings, catalog: Catalog, schedule_id: int, *, clock: Clock = database_time
) -> int | None:
    """Fire a schedule now, whatever it waits for; the job's id, or None if somebody does so at this moment."""
    with catalog.read() as session:
        now = clock(session)
    run = claim(catalog, schedule_id, now, clock, by_hand=True)
    return None if run is None else _submit(settings, catalog, run)


def _orphans(session: Session, now: float) -> list[Run]:
    alone = (ScheduleRun.state == "claimed") & (ScheduleRun.created_at < now - _ORPHAN_S)
    rows = session.execute(select(ScheduleRun.schedule_id, ScheduleRun.due_at).where(alone))
    return [Run(*row) for row in rows]


def _waiting(session: Session) -> list[int]:
    waiting = select(ScheduleRun.schedule_id).where(ScheduleRun.state == "waiting").distinct()
    return list(session.scalars(waiting))


def _due(session: Session, now: float) -> list[Schedule]:
    """Schedules whose time has come; conditions that nobody has looked at yet have no time."""
    due = (Schedule.next_run_at <= now) | (Schedule.next_run_at.is_(None) & Schedule.cron.is_(None))
    return list(
        session.scalars(select(Schedule).where(Schedule.paused.is_(False), due).order_by(Schedule.id))
    )


def _quietly(schedule_id: int, fire: Callable[[], list[int]]) -> list[int]:
    try:
        return fire()
    except ChiasmError as error:
        _log.error("schedule %s cannot be fired: %s", schedule_id, error)
        return []


def _fire_waiting(settings: Settings, catalog: Catalog, schedule_id: int, clock: Clock) -> list[int]:
    return _made(settings, catalog, next_waiting(catalog, schedule_id, clock))


def _fire_by_clock(settings: Settings, catalog: Catalog, row: Schedule, now: float) -> list[int]:
    measured = measure(settings, catalog, row) if conditions_of(row) else Measured(None, {})
    jobs: list[int] = []
    # More than one only where each missed run is made up for.
    for _ in range(MAX_WAITING):
        plan = plan_of(row, now)
        run, moved = claim_planned(catalog, row, plan, now, unmet=measured.unmet, cause=measured.values)
        jobs += _made(settings, catalog, run)
        row.next_run_at = plan.next_run_at
        if not moved or plan.next_run_at > now:
            break
    return jobs


def _fire_by_conditions(settings: Settings, catalog: Catalog, row: Schedule, now: float) -> list[int]:
    if not look(catalog, row, now, look_again_s(row)):
        return []
    with catalog.read() as session:
        due_at = waits_for(session, row, now)
    if due_at is None:
        return []
    measured = measure(settings, catalog, row)
    if measured.unmet is not None:
        return []
    run = claim(catalog, row.id, due_at, lambda session: now, cause=measured.values)
    return _made(settings, catalog, run)


def _made(settings: Settings, catalog: Catalog, run: Run | None) -> list[int]:
    job_id = None if run is None else _submit(settings, catalog, run)
    return [] if job_id is None else [job_id]


def _submit(settings: Settings, catalog: Catalog, run: Run) -> int | None:
    """Make the job of a claimed run, and again the same one if that was begun before; None if there is none."""
    with catalog.read() as session:
        row = session.get(Schedule, run.schedule_id)
        if row is None:
            return None
        replaced = row.if_running == "replace" and is_replaced(session, run)
        others = earlier_jobs(session, run) if row.if_running == "replace" else []
    if replaced:
        with catalog.write() as session:
            record(session, run, state="skipped", note="a later run took its place")
        return None
    for other in others:
        cancel(catalog, other)
    key = f"schedule:{run.schedule_id}:{run.due_at:.3f}"
    try:
        job_id = submit(settings, catalog, row.workspace_id, row.job_kind, row.params or {}, key)
    except UnavailableError:
        # No fault of the run: it is claimed, and whoever looks next makes its job.
        raise
    except ChiasmError as error:
        _failed(catalog, run, error)
        raise
    except TypeError as error:
        _failed(catalog, run, error)
        raise UsageError(
            f"its parameters do not fit a {row.job_kind} job: {error}",
            where=f"schedule {row.name}",
            remedy="remove it and add it with parameters that the job takes",
        ) from error
    done = {"note": f"in place of job {others[-1]}"} if others else {}
    with catalog.write() as session:
        record(session, run, state="fired", job_id=job_id, **done)
    return job_id


def _failed(catalog: Catalog, run: Run, error: Exception) -> None:
    with catalog.write() as session:
        record(session, run, state="failed", error=str(error))
        row = session.get(Schedule, run.schedule_id)
        if row is not None:
            note(session, row.workspace_id, "schedule.failed", {"schedule": row.name})
