"""The end of a job, seen in the transaction that ends its last unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from chiasm.catalog import db_now
from chiasm.catalog.models import Failure, Job, WorkUnit
from chiasm.jobs.kinds import unit_kind
from chiasm.jobs.notices import note_job
from chiasm.jobs.queueing import OPEN_STATES, PAUSED
from chiasm.jobs.results import merged

__all__ = ["close_job"]

#: Counters that say what was looked at, not what was achieved.
_NO_SUCCESS = {"failed", "records"}


def close_job(session: Session, job_id: int, result: Mapping[str, Any] | None = None) -> bool:
    """Add a unit's result to its job and end the job if no unit of it is left; whether it ended.

    A job has failed if an essential unit (training, building, evaluating) is dead or if failures took
    everything; with some failures it is done, and `result["failed"]` counts them.
    """
    session.flush()
    # The row lock puts concurrent last units in order: the later one sees the earlier one's end. It leaves
    # room for the key-share locks of rows that refer to the job (a full lock would dead-lock with those).
    locked = select(Job).where(Job.id == job_id).with_for_update(key_share=True)
    job = session.scalars(locked, execution_options={"populate_existing": True}).one()
    if result:
        job.result = merged(job.result or {}, result)
    if job.cancel_requested:
        # Units that were added while the cancel (or the pause) was being written.
        late = update(WorkUnit).where(WorkUnit.job_id == job_id, WorkUnit.state == "ready")
        session.execute(late.values(state="cancelled", finished_at=db_now()))
    elif job.state == PAUSED:
        late = update(WorkUnit).where(WorkUnit.job_id == job_id, WorkUnit.state == "ready")
        session.execute(late.values(state=PAUSED))
    left = select(WorkUnit.id).where(WorkUnit.job_id == job_id, WorkUnit.state.in_(OPEN_STATES)).limit(1)
    if session.scalar(left) is not None:
        return False
    _settle(session, job)
    session.flush()
    return True


def _settle(session: Session, job: Job) -> None:
    counted = (
        select(WorkUnit.kind, WorkUnit.state, func.count())
        .where(WorkUnit.job_id == job.id)
        .group_by(WorkUnit.kind, WorkUnit.state)
    )
    units = {(kind, state): count for kind, state, count in session.execute(counted)}
    failures = session.scalar(_failures(job.id)) or 0
    job.result = {name: value for name, value in (job.result or {}).items() if name != "failed"}
    if failures:
        job.result = {**job.result, "failed": failures}
    job.stage = None
    job.finished_at = session.scalar(select(db_now()))
    if job.cancel_requested and any(state == "cancelled" for _, state in units):
        job.state = "cancelled"
    elif failures and _took_everything(units, job.result):
        job.state = "failed"
        job.error = _first_error(session, job.id)
    else:
        job.state = "done"
        job.error = None
    note_job(session, job)


def _took_everything(units: Mapping[tuple[str, str], int], result: Mapping[str, Any]) -> bool:
    if any(state == "failed" and unit_kind(kind).essential for kind, state in units):
        return True
    if not any(state == "done" for _, state in units):
        return True
    counters = {name: value for name, value in result.items() if name not in _NO_SUCCESS}
    return bool(counters) and not any(counters.values())


def _first_error(session: Session, job_id: int) -> str | None:
    first = select(Failure.error, Failure.where).where(
        Failure.job_id == job_id, Failure.replayed_at.is_(None)
    )
    row = session.execute(first.order_by(Failure.id).limit(1)).one_or_none()
    return (
        None if row is None else f"{row.where}: {row.error['what']}" if row.where else str(row.error["what"])
    )


def _failures(job_id: int) -> Any:
    return (
        select(func.count())
        .select_from(Failure)
        .where(Failure.job_id == job_id, Failure.replayed_at.is_(None))
    )
