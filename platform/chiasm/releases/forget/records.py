"""What the catalog knows of work: failures, units and jobs that quote what is to be forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from chiasm.catalog.models import Failure, Job, KeptQuery, WorkUnit
from chiasm.releases.forget.marks import Marks

__all__ = ["Quotes", "find_quotes", "remove_quotes"]

_ROWS = 500


@dataclass
class Quotes:
    """Rows that quote it."""

    failures: list[int] = field(default_factory=list)
    #: Units, and the payload each shall have instead.
    payloads: dict[int, dict[str, Any]] = field(default_factory=dict)
    #: Units and jobs whose messages quote it.
    units: list[int] = field(default_factory=list)
    jobs: list[int] = field(default_factory=list)
    #: Saved and recent searches that name it or say what it said.
    queries: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return (
            len(self.failures) + len(self.payloads.keys() | set(self.units)) + len(self.jobs + self.queries)
        )


def find_quotes(session: Session, workspace_id: int, marks: Marks) -> Quotes:
    """The rows of a workspace that quote it; reads all of them, so it needs no write transaction."""
    quotes = Quotes()
    failures = (
        select(Failure.id, Failure.key, Failure.where, Failure.error, Failure.stack, Failure.replay)
        .join(Job, Job.id == Failure.job_id)
        .where(Job.workspace_id == workspace_id)
    )
    for row_id, key, *texts, replay in session.execute(failures.execution_options(yield_per=_ROWS)):
        records = list(_records(replay))
        mine = key in marks.keys or any(map(marks.names, records))
        # Another entity's failure is its own, whatever words it shares with this one.
        if mine or (key is None and not records and marks.within(texts)):
            quotes.failures.append(row_id)
    units = select(WorkUnit.id, WorkUnit.payload, WorkUnit.error, WorkUnit.stack, WorkUnit.result)
    units = units.where(WorkUnit.workspace_id == workspace_id).execution_options(yield_per=_ROWS)
    for unit_id, payload, *texts in session.execute(units):
        if any(map(marks.names, _records({"payload": payload}))):
            kept = [one for one in payload["records"] if not marks.names(one.get("data"))]
            quotes.payloads[unit_id] = {**payload, "records": kept}
        if marks.within(texts):
            quotes.units.append(unit_id)
    jobs = select(Job.id, Job.error, Job.params).where(Job.workspace_id == workspace_id)
    for job_id, *values in session.execute(jobs.execution_options(yield_per=_ROWS)):
        if marks.within(values):
            quotes.jobs.append(job_id)
    asked = select(KeptQuery.id, KeptQuery.name, KeptQuery.query).where(
        KeptQuery.workspace_id == workspace_id
    )
    for query_id, name, query in session.execute(asked):
        if query.get("entity") in marks.keys or marks.within([name, query]):
            quotes.queries.append(query_id)
    return quotes


def remove_quotes(session: Session, quotes: Quotes, instead: str) -> None:
    """Remove them, in the caller's write transaction.

    Args:
        session: The transaction.
        quotes: What `find_quotes` found.
        instead: What stands in place of a message.
    """
    quiet = {"synchronize_session": False}
    for some in _parts(quotes.failures):
        session.execute(delete(Failure).where(Failure.id.in_(some)), execution_options=quiet)
    for unit_id, payload in quotes.payloads.items():
        session.execute(update(WorkUnit).where(WorkUnit.id == unit_id).values(payload=payload))
    for some in _parts(quotes.units):
        gone: dict[str, Any] = {"error": instead, "stack": None, "result": {}}
        session.execute(update(WorkUnit).where(WorkUnit.id.in_(some)).values(gone), execution_options=quiet)
    for some in _parts(quotes.queries):
        session.execute(delete(KeptQuery).where(KeptQuery.id.in_(some)), execution_options=quiet)
    for some in _parts(quotes.jobs):
        session.execute(
            update(Job).where(Job.id.in_(some)).values(error=instead, params={}), execution_options=quiet
        )


def _records(replay: Any) -> Iterator[Any]:
    """Raw records in the payload of a replay."""
    payload = replay.get("payload") if isinstance(replay, dict) else None
    records = payload.get("records") if isinstance(payload, dict) else None
    for one in records or ():
        yield one.get("data") if isinstance(one, dict) else None


def _parts(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), _ROWS):
        yield ids[start : start + _ROWS]
