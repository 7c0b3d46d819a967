"""What people say of hits: kept, listed, told as a figure of each release, and forgotten with its entity."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Domain, Entity, Feedback, Release, Workspace
from chiasm.errors import NotFoundError, UsageError
from chiasm.releases.store import find_release

if TYPE_CHECKING:
    from chiasm.releases.forget.marks import Marks

__all__ = [
    "MIN_JUDGED",
    "VERDICTS",
    "accept_rate",
    "forget_feedback",
    "give_feedback",
    "list_feedback",
    "said_of_entities",
]

VERDICTS = ("accepted", "rejected")
#: Fewer judgements are no rate.
MIN_JUDGED = 20
_MAX_QUERY = 2000
#: Of one call: they go in one transaction.
_MAX_KEYS = 200
_ROWS = 500


def give_feedback(
    catalog: Catalog,
    workspace_id: int,
    query: str,
    *,
    accepted: Sequence[str] = (),
    rejected: Sequence[str] = (),
    release: str | None = None,
) -> dict[str, Any]:
    """Keep what somebody says of the hits of a query; `{"release", "stored", "changed"}`.

    Saying it again changes nothing; saying otherwise changes the verdict. All of it is kept, or nothing.

    Args:
        catalog: Where to keep it.
        workspace_id: Tenant.
        query: The words that were searched for.
        accepted: Keys of hits that were right.
        rejected: Keys of hits that were wrong.
        release: Which answered, as an answer says; default the one that answers now.

    Raises:
        UsageError: The query is empty or too long, or there is nothing, too much or a contradiction in the verdicts.
        NotFoundError: There is no such entity or release.
    """
    query = _checked(query, accepted, rejected)
    verdicts = {**dict.fromkeys(accepted, "accepted"), **dict.fromkeys(rejected, "rejected")}
    try:
        return _keep(catalog, workspace_id, query, verdicts, release)
    except IntegrityError:
        # Somebody said the same at the same moment (PostgreSQL only: SQLite has one writer).
        return _keep(catalog, workspace_id, query, verdicts, release)


def list_feedback(
    session: Session,
    workspace_id: int,
    *,
    verdict: str | None = None,
    release: str | None = None,
    cursor: int = 0,
    limit: int = 100,
) -> dict[str, Any]:
    """A page `{"feedback": [{"id", "query", "key", "domain", "verdict", "release", "at"}], "next_cursor"}`, in order.

    Raises:
        UsageError: The verdict is unknown.
        NotFoundError: There is no such release.
    """
    if verdict is not None and verdict not in VERDICTS:
        raise UsageError(
            f"no verdict {verdict[:80]!r}", where="verdict", remedy=f"use {' or '.join(VERDICTS)}"
        )
    rows = (
        select(Feedback, Entity.key, Domain.name, Release.number)
        .join(Entity, Entity.id == Feedback.entity_id)
        .outerjoin(Domain, Domain.id == Entity.domain_id)
        .outerjoin(Release, Release.id == Feedback.release_id)
        .where(Feedback.workspace_id == workspace_id, Feedback.id > cursor)
    )
    if verdict is not None:
        rows = rows.where(Feedback.verdict == verdict)
    if release is not None:
        rows = rows.where(Feedback.release_id == find_release(session, workspace_id, release).id)
    found = session.execute(rows.order_by(Feedback.id).limit(limit + 1)).all()
    page = [
        {
            "id": row.id,
            "query": row.query,
            "key": key,
            "domain": domain,
            "verdict": row.verdict,
            "release": None if number is None else f"r{number}",
            "at": row.updated_at,
        }
        for row, key, domain, number in found[:limit]
    ]
    return {"feedback": page, "next_cursor": page[-1]["id"] if len(found) > limit else None}


def accept_rate(
    session: Session, release_id: int, since: float, *, at_least: int = MIN_JUDGED
) -> float | None:
    """Share of a release's hits judged since a time that were accepted; None where fewer than `at_least` were."""
    judged = select(func.count(), func.sum(case((Feedback.verdict == "accepted", 1), else_=0))).where(
        Feedback.release_id == release_id, Feedback.updated_at >= since
    )
    total, accepted = session.execute(judged).one()
    return int(accepted or 0) / total if total >= max(1, at_least) else None


def said_of_entities(session: Session, workspace_id: int) -> dict[tuple[int, str], bool]:
    """What was said last of each entity and query: whether the entity was right, by entity id and words in lower case."""
    rows = (
        select(Feedback.entity_id, Feedback.query, Feedback.verdict)
        .where(Feedback.workspace_id == workspace_id)
        .order_by(Feedback.updated_at, Feedback.id)
    )
    return {
        (entity, query.lower()): verdict == "accepted" for entity, query, verdict in session.execute(rows)
    }


def forget_feedback(session: Session, workspace_id: int, entity_ids: Sequence[int], marks: Marks) -> int:
    """Remove what was said of entities, and every query that names them, in the caller's write transaction; how much."""
    mine = Feedback.workspace_id == workspace_id
    gone = set(session.scalars(select(Feedback.id).where(mine, Feedback.entity_id.in_(entity_ids))))
    # Whoever asked for it by name may have rejected something else.
    queries = select(Feedback.id, Feedback.query).where(mine).execution_options(yield_per=_ROWS)
    gone |= {row_id for row_id, query in session.execute(queries) if marks.within(query)}
    for some in _parts(sorted(gone)):
        quiet = {"synchronize_session": False}
        session.execute(delete(Feedback).where(Feedback.id.in_(some)), execution_options=quiet)
    return len(gone)


def _keep(
    catalog: Catalog, workspace_id: int, query: str, verdicts: Mapping[str, str], release: str | None
) -> dict[str, Any]:
    with catalog.write() as session:
        release_id, name = _release(session, workspace_id, release)
        entities = _entities(session, workspace_id, list(verdicts))
        facts = {"workspace_id": workspace_id, "release_id": release_id, "query": query}
        now, stored, changed = time.time(), 0, 0
        for key, verdict in verdicts.items():
            digest = _digest(release_id, query, entities[key])
            same = (Feedback.workspace_id == workspace_id) & (Feedback.digest == digest)
            known = session.scalar(select(Feedback).where(same))
            if known is None:
                said = {"entity_id": entities[key], "verdict": verdict, "created_at": now, "updated_at": now}
                session.add(Feedback(digest=digest, **facts, **said))
                stored += 1
            elif known.verdict != verdict:
                known.verdict, known.updated_at = verdict, now
                changed += 1
    return {"release": name, "stored": stored, "changed": changed}


def _checked(query: str, accepted: Sequence[str], rejected: Sequence[str]) -> str:
    query = " ".join(query.split())
    if not query or len(query) > _MAX_QUERY:
        what = "an empty query" if not query else f"a query of {len(query)} characters"
        raise UsageError(what, where="feedback", remedy=f"give the words searched for, at most {_MAX_QUERY}")
    both = sorted(set(accepted) & set(rejected))
    if both:
        raise UsageError("accepted and rejected at once", where=both[0], remedy="say one of them")
    if not 0 < len(accepted) + len(rejected) <= _MAX_KEYS:
        count = len(accepted) + len(rejected)
        raise UsageError(
            f"{count} verdicts", where="feedback", remedy=f"name 1 to {_MAX_KEYS} keys at a time"
        )
    return query


def _release(session: Session, workspace_id: int, name: str | None) -> tuple[int | None, str | None]:
    if name is None:
        active = session.get_one(Workspace, workspace_id).active_release_id
        row = None if active is None else session.get_one(Release, active)
    else:
        row = find_release(session, workspace_id, name)
    return (None, None) if row is None else (row.id, row.name)


def _entities(session: Session, workspace_id: int, keys: Sequence[str]) -> dict[str, int]:
    rows = session.execute(
        select(Entity.key, Entity.id).where(
            Entity.workspace_id == workspace_id, Entity.key.in_(keys), Entity.deleted_at.is_(None)
        )
    )
    found: dict[str, int] = dict(list(rows))
    missing = [key for key in keys if key not in found]
    if missing:
        raise NotFoundError("no such entity", where=missing[0], remedy="give a key as a hit has it")
    return found


def _digest(release_id: int | None, query: str, entity_id: int) -> str:
    return hashlib.sha256(f"{release_id or 0}\0{entity_id}\0{query.casefold()}".encode()).hexdigest()


def _parts(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), _ROWS):
        yield ids[start : start + _ROWS]
