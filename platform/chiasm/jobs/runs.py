"""Runs of schedules in SQL: each due time is claimed once, and ends in one row that says what came of it.

Whoever claims moves the schedule's next time on in the same transaction, from the value that was seen: of two beats
that saw the same one, the second finds another there and leaves it. The row's key (schedule, due time) holds even if
that failed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog, db_now
from chiasm.catalog.models import Job, Schedule, ScheduleRun
from chiasm.jobs.policies import MAX_WAITING, Plan
from chiasm.jobs.progress import FINAL_STATES

__all__ = [
    "Clock",
    "Run",
    "claim",
    "claim_planned",
    "database_time",
    "earlier_jobs",
    "is_replaced",
    "look",
    "next_waiting",
    "record",
]

#: The time as schedules see it, in seconds since the epoch.
Clock = Callable[[Session], float]

#: Rows of a schedule that are kept.
_KEPT = 1000
_OPEN = ("claimed", "waiting")


class Run(NamedTuple):
    """A row that is this caller's to make a job of."""

    schedule_id: int
    due_at: float


def database_time(session: Session) -> float:
    """The database's own clock: beats of many machines compare times of one."""
    return float(session.scalar(select(db_now())) or 0.0)


def look(catalog: Catalog, seen: Schedule, now: float, again_s: float) -> bool:
    """Whether the conditions of a schedule are this caller's to measure; the next look is later by so much."""
    at = (Schedule.id == seen.id) & Schedule.next_run_at.is_not_distinct_from(seen.next_run_at)
    with catalog.write() as session:
        mine = update(Schedule).where(at, Schedule.paused.is_(False)).values(next_run_at=now + again_s)
        return bool(session.scalars(mine.returning(Schedule.id)).all())


def claim_planned(
    catalog: Catalog, seen: Schedule, plan: Plan, now: float, *, unmet: str | None, cause: Mapping[str, Any]
) -> tuple[Run | None, bool]:
    """The run to make a job of now, if it is this caller's, and whether the schedule's time was moved on.

    Args:
        catalog: Where schedules are.
        seen: The schedule as it was read.
        plan: Made from it.
        now: The time.
        unmet: Why its conditions do not hold, if so.
        cause: What they measured.
    """
    with catalog.write() as session:
        row = _locked(session, seen.id)
        if row is None or row.paused or row.next_run_at != seen.next_run_at:
            return None, False
        standing = _standing(session, row)
        if standing is not None and standing.full:
            return None, False
        row.next_run_at = plan.next_run_at
        if session.get(ScheduleRun, (row.id, plan.due_at)) is not None:
            return None, True
        state, note = "claimed", plan.note
        if plan.missed:
            state = "missed"
        elif unmet is not None:
            state, note = "skipped", unmet
        elif standing is not None:
            state, note = standing.state, standing.note
        run = _add(session, row, plan.due_at, now, state, note, cause)
        return (run if state == "claimed" else None), True


def claim(
    catalog: Catalog,
    schedule_id: int,
    due_at: float,
    clock: Clock = database_time,
    *,
    by_hand: bool = False,
    cause: Mapping[str, Any] | None = None,
) -> Run | None:
    """The run of a due time that no clock line gives, if it is this caller's to make a job of now.

    Args:
        catalog: Where schedules are.
        schedule_id: Schedule.
        due_at: Its key.
        clock: The time.
        by_hand: Whatever else runs.
        cause: What conditions measured.
    """
    try:
        with catalog.write() as session:
            row = _locked(session, schedule_id)
            if row is None or session.get(ScheduleRun, (schedule_id, due_at)) is not None:
                return None
            state, note = "claimed", "asked for by hand" if by_hand else None
            if not by_hand and (standing := _standing(session, row)) is not None:
                state, note = standing.state, standing.note
            run = _add(session, row, due_at, clock(session), state, note, cause or {})
            return run if state == "claimed" else None
    except IntegrityError:
        # PostgreSQL: somebody else's row came between (the schedule itself may be gone).
        return None


def next_waiting(catalog: Catalog, schedule_id: int, clock: Clock = database_time) -> Run | None:
    """The first run that waits, if nothing of its schedule runs any more: now to be made a job of."""
    with catalog.write() as session:
        row = _locked(session, schedule_id)
        if row is None or row.paused or _jobs(session, row.id) or _count(session, row.id, ("claimed",)):
            return None
        waiting = select(ScheduleRun).where(
            ScheduleRun.schedule_id == schedule_id, ScheduleRun.state == "waiting"
        )
        run = session.scalar(waiting.order_by(ScheduleRun.due_at).limit(1))
        if run is None:
            return None
        run.state, run.created_at = "claimed", clock(session)
        row.last_run_at = run.created_at
        return Run(run.schedule_id, run.due_at)


def earlier_jobs(session: Session, run: Run) -> list[int]:
    """Jobs of the schedule's earlier runs that have not ended."""
    return _jobs(session, run.schedule_id, before=run.due_at)


def is_replaced(session: Session, run: Run) -> bool:
    """Whether a later run has been claimed meanwhile, whose job would be cancelled for this one's."""
    later = select(ScheduleRun.due_at).where(
        ScheduleRun.schedule_id == run.schedule_id,
        ScheduleRun.due_at > run.due_at,
        ScheduleRun.state.in_(("claimed", "fired")),
    )
    return session.scalar(later.limit(1)) is not None


def record(session: Session, run: Run, **values: Any) -> None:
    """Write what came of a run, in the caller's write transaction."""
    mine = (ScheduleRun.schedule_id == run.schedule_id) & (ScheduleRun.due_at == run.due_at)
    session.execute(update(ScheduleRun).where(mine).values(**values))


class _Standing(NamedTuple):
    state: str
    note: str
    full: bool = False


def _standing(session: Session, row: Schedule) -> _Standing | None:
    """What the schedule's policy makes of a run while others have not ended; None if it may go on."""
    if row.if_running == "replace":
        return None
    jobs, pending = _jobs(session, row.id), _count(session, row.id, _OPEN)
    if not jobs and not pending:
        return None
    what = f"job {jobs[0]} of an earlier run has not ended" if jobs else "an earlier run is being fired"
    if row.if_running == "queue":
        return _Standing("waiting", what, full=pending >= MAX_WAITING)
    return _Standing("skipped", what)


def _jobs(session: Session, schedule_id: int, before: float | None = None) -> list[int]:
    running = (
        select(Job.id)
        .join(ScheduleRun, ScheduleRun.job_id == Job.id)
        .where(ScheduleRun.schedule_id == schedule_id, Job.state.not_in(FINAL_STATES))
    )
    if before is not None:
        running = running.where(ScheduleRun.due_at < before)
    return list(session.scalars(running.order_by(Job.id)))


def _count(session: Session, schedule_id: int, states: tuple[str, ...]) -> int:
    mine = (ScheduleRun.schedule_id == schedule_id) & ScheduleRun.state.in_(states)
    return session.scalar(select(func.count()).select_from(ScheduleRun).where(mine)) or 0


def _add(
    session: Session,
    row: Schedule,
    due_at: float,
    now: float,
    state: str,
    note: str | None,
    cause: Mapping[str, Any],
) -> Run:
    if state == "claimed":
        row.last_run_at = now
    session.add(
        ScheduleRun(
            schedule_id=row.id, due_at=due_at, state=state, note=note, cause=dict(cause), created_at=now
        )
    )
    session.flush()
    _forget_old(session, row.id)
    return Run(row.id, due_at)


def _forget_old(session: Session, schedule_id: int) -> None:
    newest = select(ScheduleRun.due_at).where(ScheduleRun.schedule_id == schedule_id)
    oldest = session.scalar(newest.order_by(ScheduleRun.due_at.desc()).offset(_KEPT).limit(1))
    if oldest is not None:
        old = (ScheduleRun.schedule_id == schedule_id) & (ScheduleRun.due_at <= oldest)
        session.execute(delete(ScheduleRun).where(old, ScheduleRun.state.not_in(_OPEN)))


def _locked(session: Session, schedule_id: int) -> Schedule | None:
    return session.scalar(select(Schedule).where(Schedule.id == schedule_id).with_for_update())
