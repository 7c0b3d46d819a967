"""Claims: a unit is leased to one worker at a time, by the database's clock, with a fencing token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog, db_now
from chiasm.catalog.models import Job, WorkUnit
from chiasm.jobs.errors import Cancelled, StaleClaim
from chiasm.jobs.queueing import waiting_state
from chiasm.jobs.results import merged
from chiasm.jobs.turns import most_urgent, ready_units, turns_of

__all__ = [
    "CLAIM_COLUMNS",
    "Claim",
    "Pulse",
    "advance",
    "claim",
    "has_work",
    "heartbeat",
    "held",
    "idle_for",
    "is_held",
    "pulse",
    "release",
]

Pulse = Literal["held", "lost", "cancelled"]
#: So long after its pause a unit is worth another look at once.
_JUST_S = 1.0


@dataclass(frozen=True)
class Claim:
    """A unit that this worker may work on as long as its token is the newest."""

    unit_id: int
    token: int
    kind: str
    payload: dict[str, Any]
    job_id: int
    workspace_id: int
    queue: str
    #: How far an earlier claim of the unit came (see `advance`).
    cursor: dict[str, Any] = field(default_factory=dict)
    attempts: int = 0
    lease_s: float = 30.0


#: What a `Claim` is made of, in its order.
CLAIM_COLUMNS = (
    WorkUnit.id,
    WorkUnit.token,
    WorkUnit.kind,
    WorkUnit.payload,
    WorkUnit.job_id,
    WorkUnit.workspace_id,
    WorkUnit.queue,
    WorkUnit.cursor,
    WorkUnit.attempts,
)


def claim(
    catalog: Catalog,
    queues: Sequence[str],
    worker: str,
    limit: int = 1,
    *,
    lease_s: float = 30.0,
    in_order: bool | None = None,
) -> list[Claim]:
    """Units leased to `worker`, most urgent first; empty when nothing is ready.

    Among units of equal priority the workspace that was served longest ago comes first, so that a large
    job of one tenant does not keep the others waiting.

    Args:
        catalog: Where the units are.
        queues: Lanes to take from.
        worker: Who claims; see `chiasm.jobs.owners`.
        limit: At most so many.
        lease_s: Seconds until the units are anybody's again, unless a heartbeat comes.
        in_order: Only units of kinds that are worked on in order, or only others; default any.
    """
    ready = ready_units(queues, in_order)
    with catalog.read() as session:
        turns = turns_of(session, ready)
    if not turns:
        # Looking costs no write lock: an idle worker disturbs nobody.
        return []
    with catalog.write() as session:
        claims: list[Claim] = []
        for workspace_id in turns:
            claims += _take(session, ready, workspace_id, worker, limit - len(claims), lease_s)
            if len(claims) >= limit:
                break
        _start_jobs(session, {one.job_id for one in claims})
    return claims


def heartbeat(catalog: Catalog, claim: Claim) -> bool:
    """Extend the lease; False if it was lost or the job was cancelled."""
    return pulse(catalog, claim) == "held"


def pulse(
    catalog: Catalog,
    claim: Claim,
    *,
    done: int | None = None,
    total: int | None = None,
    stage: str | None = None,
) -> Pulse:
    """Extend the lease and record progress; says whether the claim is held, lost or cancelled."""
    progress = {"items_done": done, "items_total": total, "stage": stage}
    values = {name: value for name, value in progress.items() if value is not None}
    with catalog.write() as session:
        if not _renew(session, claim, values):
            return "lost"
        return "cancelled" if _cancelled(session, claim) else "held"


def advance(
    session: Session,
    claim: Claim,
    cursor: Mapping[str, Any],
    *,
    done: int | None = None,
    total: int | None = None,
    result: Mapping[str, Any] | None = None,
) -> None:
    """Record how far a long unit came, in the transaction of the effects up to there.

    After a loss the next claim of the unit carries this cursor. Counters in `result` are added to the unit's.

    Raises:
        StaleClaim: The lease was lost; the caller's transaction must not be committed.
        Cancelled: The job was cancelled.
    """
    values: dict[str, Any] = {"cursor": dict(cursor)}
    # What gets on is not what its workers were lost to.
    values["losses"] = 0
    if done is not None:
        values["items_done"] = done
    if total is not None:
        values["items_total"] = total
    if result:
        known = session.scalar(select(WorkUnit.result).where(WorkUnit.id == claim.unit_id))
        values["result"] = merged(known or {}, result)
    if not _renew(session, claim, values):
        raise StaleClaim("the lease was lost", where=f"unit {claim.unit_id}")
    if _cancelled(session, claim):
        raise Cancelled("the job was cancelled", where=f"job {claim.job_id}")


def release(catalog: Catalog, claim: Claim) -> bool:
    """Give a unit back unfinished, with nothing counted against it; False if it was lost already."""
    with catalog.write() as session:
        statement = (
            update(WorkUnit)
            .where(held(claim))
            .values(state=waiting_state(), owner=None, lease_until=None, stage=None)
        )
        return bool(session.scalars(statement.returning(WorkUnit.id)).all())


def idle_for(catalog: Catalog, queues: Sequence[str]) -> float | None:
    """Seconds until the next pause of a unit is over (0: just now); None if no unit waits one out."""
    soonest = func.min(WorkUnit.available_at) - db_now()
    waiting = WorkUnit.queue.in_(queues) & (WorkUnit.state == "ready")
    # Those that are ready for longer wait for their turn or for other hands.
    waiting &= WorkUnit.available_at > db_now() - _JUST_S
    with catalog.read() as session:
        wait_s = session.scalar(select(soonest).where(waiting))
    return None if wait_s is None else max(0.0, float(wait_s))


def has_work(catalog: Catalog, queues: Sequence[str]) -> bool:
    """Whether any unit of the lanes is ready or being worked on."""
    unfinished = WorkUnit.state.in_(("ready", "leased")) & WorkUnit.queue.in_(queues)
    with catalog.read() as session:
        return session.scalar(select(WorkUnit.id).where(unfinished).limit(1)) is not None


def is_held(catalog: Catalog, claim: Claim) -> bool:
    """Whether the unit is still this claim's."""
    with catalog.read() as session:
        return session.scalar(select(WorkUnit.id).where(held(claim))) is not None


def held(claim: Claim) -> ColumnElement[bool]:
    """The condition under which the claim's unit is still the claimer's."""
    return (WorkUnit.id == claim.unit_id) & (WorkUnit.token == claim.token) & (WorkUnit.state == "leased")


def _take(
    session: Session,
    ready: ColumnElement[bool],
    workspace_id: int,
    worker: str,
    limit: int,
    lease_s: float,
) -> list[Claim]:
    wanted = most_urgent(ready, workspace_id, limit)
    # Two statements: PostgreSQL may evaluate a locking sub-select of an UPDATE more than once.
    ids = list(session.scalars(wanted))
    if not ids:
        return []
    leased = (
        update(WorkUnit)
        .where(WorkUnit.id.in_(ids))
        .values(
            state="leased",
            owner=worker,
            token=WorkUnit.token + 1,
            claims=WorkUnit.claims + 1,
            started_at=db_now(),
            lease_until=db_now() + lease_s,
        )
        .returning(*CLAIM_COLUMNS)
    )
    rows = session.execute(leased, execution_options={"synchronize_session": False}).all()
    order = {unit_id: place for place, unit_id in enumerate(ids)}
    return sorted((Claim(*row, lease_s=lease_s) for row in rows), key=lambda one: order[one.unit_id])


def _start_jobs(session: Session, job_ids: set[int]) -> None:
    # Always in the same order, so that two claims never wait for each other.
    for job_id in sorted(job_ids):
        session.execute(
            update(Job)
            .where(Job.id == job_id, Job.state == "queued")
            .values(state="running", started_at=func.coalesce(Job.started_at, db_now()))
        )


def _renew(session: Session, claim: Claim, values: Mapping[str, Any]) -> bool:
    statement = update(WorkUnit).where(held(claim)).values(lease_until=db_now() + claim.lease_s, **values)
    return bool(session.scalars(statement.returning(WorkUnit.id)).all())


def _cancelled(session: Session, claim: Claim) -> bool:
    return bool(session.scalar(select(Job.cancel_requested).where(Job.id == claim.job_id)))
