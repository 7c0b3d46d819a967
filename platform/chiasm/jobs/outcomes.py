"""How units end: done together with their effect, tried again, or as a dead letter."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog, db_now
from chiasm.catalog.models import Failure, WorkUnit
from chiasm.errors import ChiasmError, InputError, MissingDependencyError, NotFoundError, UsageError
from chiasm.jobs.claims import Claim, held
from chiasm.jobs.closing import close_job
from chiasm.jobs.errors import StaleClaim, TimeLimitError
from chiasm.jobs.halving import halve, place_of, size_of
from chiasm.jobs.queueing import waiting_state
from chiasm.jobs.results import merged

__all__ = ["MAX_ATTEMPTS", "abandon", "bury", "error_dict", "fail", "finish", "postpone", "record_failure"]

#: An error of the unit itself.
MAX_ATTEMPTS = 3
#: Pause before the second and third attempt: a hiccup of disk or network should be over.
_PAUSE_S = 0.5
#: Pause of a unit that waits for what is away.
_AWAY_S = 2.0
#: The same input gives the same answer: more attempts only delay it.
_HOPELESS = (InputError, MissingDependencyError, NotFoundError, UsageError)
#: Half of it may do.
_TOO_LARGE = (MemoryError, TimeLimitError)


def finish(session: Session, claim: Claim, result: Mapping[str, Any] | None = None) -> None:
    """Mark the unit done, in the write transaction of its effect, as that transaction's last step.

    Counters in `result` are added to the job's result. If no unit of the job is left, the job ends here.

    Raises:
        StaleClaim: The lease was lost and somebody else has the unit; the transaction must not be committed.
    """
    done = (
        update(WorkUnit)
        .where(held(claim))
        .values(
            state="done",
            owner=None,
            lease_until=None,
            stage=None,
            error=None,
            stack=None,
            finished_at=db_now(),
            items_done=case((WorkUnit.items_total > 0, WorkUnit.items_total), else_=WorkUnit.items_done),
        )
        .returning(WorkUnit.result)
    )
    row = session.execute(done, execution_options={"synchronize_session": False}).one_or_none()
    if row is None:
        raise StaleClaim("the lease was lost", where=f"unit {claim.unit_id}")
    total = merged(row.result or {}, result or {})
    if result:
        session.execute(update(WorkUnit).where(WorkUnit.id == claim.unit_id).values(result=total))
    close_job(session, claim.job_id, total)


def fail(catalog: Catalog, claim: Claim, error: BaseException, stack: str | None = None) -> bool:
    """Record an error of the unit itself: tried again, halved, or a dead letter at the last attempt.

    Errors that the input decides (`InputError`, `UsageError`, `NotFoundError`, `MissingDependencyError`) are
    not tried again. A unit of several records is halved at its last attempt, and at once where it wants too
    much memory or time, so that the record that is the reason ends alone.

    Returns:
        Whether the claim was still held; otherwise nothing is recorded.
    """
    stack = stack or "".join(traceback.format_exception(error))
    letter = error_dict(error)
    with catalog.write() as session:
        mine = select(WorkUnit).where(held(claim)).with_for_update()
        unit = session.scalars(mine, execution_options={"populate_existing": True}).one_or_none()
        if unit is None:
            return False
        unit.attempts = claim.attempts + 1
        unit.error, unit.stack = str(letter["what"]), stack
        final = isinstance(error, _HOPELESS) or unit.attempts >= MAX_ATTEMPTS
        if size_of(unit) > 1 and _may_be_one_record(error, final=final):
            unit.owner = unit.lease_until = unit.stage = None
            # One attempt is left to each half, and to the halves of these.
            unit.attempts = MAX_ATTEMPTS - 1
            halve(session, unit)
            _keep_paused(session, claim.job_id)
        elif final:
            session.flush()
            letter["where"] = letter.get("where") or place_of(unit)
            bury(session, claim.unit_id, letter, stack)
        else:
            session.flush()
            _put_back(session, claim, _PAUSE_S * unit.attempts)
        return True


def _may_be_one_record(error: BaseException, *, final: bool) -> bool:
    """Whether halves are worth an attempt: errors raised on purpose say what they concern."""
    return isinstance(error, _TOO_LARGE) or (final and not isinstance(error, ChiasmError))


def postpone(catalog: Catalog, claim: Claim, error: BaseException) -> bool:
    """Give a unit back that needs something that is away for now; nothing is counted against it.

    Returns:
        Whether the claim was still held; otherwise nothing is recorded.
    """
    with catalog.write() as session:
        return _put_back(session, claim, _AWAY_S, error=str(error))


def _put_back(session: Session, claim: Claim, pause_s: float, **values: Any) -> bool:
    again = (
        update(WorkUnit)
        .where(held(claim))
        .values(
            state=waiting_state(),
            owner=None,
            lease_until=None,
            stage=None,
            available_at=db_now() + pause_s,
            **values,
        )
        .returning(WorkUnit.id)
    )
    return bool(session.scalars(again, execution_options={"synchronize_session": False}).all())


def _keep_paused(session: Session, job_id: int) -> None:
    session.flush()
    late = update(WorkUnit).where(WorkUnit.job_id == job_id, WorkUnit.state == "ready")
    session.execute(late.values(state=waiting_state()), execution_options={"synchronize_session": False})


def abandon(catalog: Catalog, claim: Claim) -> bool:
    """Mark the unit of a cancelled job as cancelled; False if the claim was lost already."""
    with catalog.write() as session:
        statement = (
            update(WorkUnit)
            .where(held(claim))
            .values(state="cancelled", owner=None, lease_until=None, finished_at=db_now())
        )
        if not session.scalars(statement.returning(WorkUnit.id)).all():
            return False
        close_job(session, claim.job_id)
        return True


def record_failure(
    session: Session,
    claim: Claim,
    error: BaseException | Mapping[str, Any],
    *,
    where: str | None = None,
    key: str | None = None,
    replay: Mapping[str, Any] | None = None,
    stack: str | None = None,
) -> None:
    """Record one record or asset that failed alone, in the transaction of the rest of its batch.

    Args:
        session: The write transaction that also advances or finishes the unit.
        claim: The unit that met it.
        error: The error, or its `to_dict()`.
        where: File and line, or asset; default the error's own place.
        key: Entity key, where known.
        replay: Unit to add on retry, `{"kind": ..., "payload": {...}}`; else it is only reported.
        stack: Stack trace, where it helps.
    """
    letter = dict(error) if isinstance(error, Mapping) else error_dict(error)
    session.add(
        Failure(
            job_id=claim.job_id,
            unit_id=claim.unit_id,
            where=where or letter.get("where"),
            key=key,
            error=letter,
            stack=stack,
            replay=dict(replay) if replay else None,
        )
    )


def bury(session: Session, unit_id: int, letter: Mapping[str, Any], stack: str | None) -> None:
    """End a unit as a dead letter, within the caller's write transaction."""
    buried = (
        update(WorkUnit)
        .where(WorkUnit.id == unit_id)
        .values(
            state="failed",
            owner=None,
            lease_until=None,
            finished_at=db_now(),
            error=str(letter["what"]),
            stack=stack,
        )
        .returning(WorkUnit.job_id, WorkUnit.kind, WorkUnit.payload)
    )
    row = session.execute(buried, execution_options={"synchronize_session": False}).one()
    where = letter.get("where") or f"{row.kind} unit {unit_id}"
    replay = {"kind": row.kind, "payload": row.payload, "unit_id": unit_id}
    session.add(
        Failure(
            job_id=row.job_id, unit_id=unit_id, where=where, error=dict(letter), stack=stack, replay=replay
        )
    )
    session.flush()
    close_job(session, row.job_id)


def error_dict(error: BaseException) -> dict[str, Any]:
    """An error as JSON; of one that nobody raised on purpose, its type and message."""
    if isinstance(error, ChiasmError):
        return dict(error.to_dict())
    if all(hasattr(error, name) for name in ("what", "where", "remedy")):
        # chiasm_graph and chiasm_encoders have error trees of their own, of the same shape.
        return {"error": "error", "what": error.what, "where": error.where, "remedy": error.remedy}  # type: ignore[attr-defined]
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return {"error": "internal", "what": what, "where": None, "remedy": None}
