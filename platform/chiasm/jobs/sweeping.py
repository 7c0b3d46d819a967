"""Leases that ran out: back in the queue, halved, or buried."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, insert, or_, select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog, db_now
from chiasm.catalog.models import Job, WorkUnit
from chiasm.jobs.closing import close_job
from chiasm.jobs.outcomes import bury
from chiasm.jobs.owners import is_gone

__all__ = ["BISECT_AFTER", "MAX_LOSSES", "sweep"]

#: Times that the worker of one unit may be lost.
MAX_LOSSES = 20
#: After so many a unit of several records is halved, so that a record that kills workers ends alone.
BISECT_AFTER = 2
#: Pause of a suspect for each worker that was lost with it.
_PAUSE_S = 0.5
_MAX_PAUSE_S = 10.0


def sweep(catalog: Catalog, *, owners: Sequence[str] = ()) -> int:
    """How many leases were taken back: those that ran out and those whose process is known to be gone.

    Args:
        catalog: Where the units are.
        owners: Workers that the caller knows to be gone, with leases not run out yet.
    """
    with catalog.read() as session:
        held_by = session.scalars(select(WorkUnit.owner).where(WorkUnit.state == "leased").distinct()).all()
        gone = sorted({name for name in held_by if name and (name in owners or is_gone(name))})
        if session.scalar(select(WorkUnit.id).where(_lost(gone)).limit(1)) is None:
            return 0
    with catalog.write() as session:
        # Rows that a claim or another sweep has locked are left to it.
        lost = session.scalars(select(WorkUnit).where(_lost(gone)).with_for_update(skip_locked=True)).all()
        for unit in lost:
            _take_back(session, unit)
        return len(lost)


def _lost(gone: Sequence[str]) -> ColumnElement[bool]:
    over = or_(WorkUnit.lease_until < db_now(), WorkUnit.owner.in_(gone))
    return (WorkUnit.state == "leased") & over


def _take_back(session: Session, unit: WorkUnit) -> None:
    unit.losses += 1
    # The old claim's token is refused from here on, although nobody has claimed the unit anew.
    unit.token += 1
    unit.owner = None
    unit.lease_until = None
    unit.stage = None
    session.flush()
    if session.scalar(select(Job.cancel_requested).where(Job.id == unit.job_id)):
        unit.state = "cancelled"
        close_job(session, unit.job_id)
    elif unit.losses >= BISECT_AFTER and _size(unit) > 1:
        _halve(session, unit)
    elif unit.losses >= MAX_LOSSES:
        what = f"its worker was lost {unit.losses} times"
        remedy = (
            "the record may need more memory or time than a worker has; mend it, then `chiasm jobs retry`"
        )
        letter = {"error": "worker-lost", "what": what, "where": _where(unit), "remedy": remedy}
        bury(session, unit.id, letter, unit.stack)
    else:
        unit.state = "ready"
        if unit.losses > BISECT_AFTER:
            # It may be the unit that kills them: the others go first.
            now = float(session.scalar(select(db_now())) or 0.0)
            unit.available_at = now + min(_MAX_PAUSE_S, _PAUSE_S * unit.losses)


def _size(unit: WorkUnit) -> int:
    parts = unit.payload.get(unit.split_on) if unit.split_on else None
    return len(parts) if isinstance(parts, list) else 0


def _halve(session: Session, unit: WorkUnit) -> None:
    """Replace the unit by two of half its records each; the first half stays in its row.

    Both inherit the count of losses: the next one halves again at once, and a record that kills every
    worker is cornered and buried within `MAX_LOSSES` in all.
    """
    key = str(unit.split_on)
    parts = unit.payload[key]
    middle = len(parts) // 2
    second = {
        column.name: getattr(unit, column.name)
        for column in WorkUnit.__table__.columns
        if column.name in {"job_id", "workspace_id", "kind", "queue", "priority", "split_on", "losses"}
    }
    second |= {
        "payload": {**unit.payload, key: parts[middle:]},
        "items_total": len(parts) - middle,
        "cursor": {},
        "result": {},
    }
    unit.payload = {**unit.payload, key: parts[:middle]}
    unit.items_total = middle
    unit.items_done = 0
    unit.state = "ready"
    session.flush()
    session.execute(insert(WorkUnit), [second])


def _where(unit: WorkUnit) -> str:
    if unit.split_on and _size(unit) == 1:
        return f"{unit.kind} unit {unit.id}, {unit.split_on} {unit.payload[unit.split_on][0]}"
    return f"{unit.kind} unit {unit.id}"
