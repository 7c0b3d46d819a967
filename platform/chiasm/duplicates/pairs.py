"""Pairs of entities that may be one thing: written by a search, listed, dismissed."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, aliased

from chiasm.catalog import Catalog
from chiasm.catalog.models import Domain, DuplicatePair, Entity
from chiasm.duplicates.confidence import combined
from chiasm.duplicates.names import locked
from chiasm.errors import NotFoundError, UsageError

__all__ = ["STATES", "FoundPair", "dismiss", "list_pairs", "settle", "write_pairs"]

STATES = ("found", "merged", "dismissed")
_MAX_ROWS = 1000


class FoundPair(NamedTuple):
    """A pair as a search found it; `first` is the smaller id."""

    first: int
    second: int
    #: Modality to `{"signal", "confidence", "value"}`.
    evidence: Mapping[str, Mapping[str, Any]]


def write_pairs(
    session: Session, workspace_id: int, job_id: int, found: Collection[FoundPair], looked_at: Collection[str]
) -> None:
    """Store pairs; those that somebody merged or dismissed stay what they are.

    Args:
        session: The write transaction.
        workspace_id: Tenant.
        job_id: Who found them.
        found: At most some hundred.
        looked_at: Modalities of the search; what is known of others stays.
    """
    ids = {one for pair in found for one in (pair.first, pair.second)}
    # Locked against deletion: a pair of an entity that is gone would stay for ever.
    alive = select(Entity.id).where(Entity.id.in_(ids), Entity.deleted_at.is_(None)).order_by(Entity.id)
    there = set(session.scalars(alive.with_for_update(read=True)))
    known = {
        (row.first_id, row.second_id): row
        for row in session.scalars(select(DuplicatePair).where(DuplicatePair.first_id.in_(ids)))
    }
    now = time.time()
    for pair in found:
        if not {pair.first, pair.second} <= there:
            continue
        row = known.get((pair.first, pair.second))
        if row is None:
            row = DuplicatePair(
                workspace_id=workspace_id, first_id=pair.first, second_id=pair.second, evidence={}
            )
            session.add(row)
        others = {name: one for name, one in row.evidence.items() if name not in looked_at}
        row.evidence = {**others, **{name: dict(one) for name, one in pair.evidence.items()}}
        row.confidence = combined(one["confidence"] for one in row.evidence.values())
        row.job_id, row.updated_at = job_id, now


def settle(
    session: Session, workspace_id: int, one: int, other: int, state: Literal["found", "merged", "dismissed"]
) -> None:
    """Set the state of a pair, which is made if no search had found it; `found` removes such a one again."""
    first, second = sorted((one, other))
    row = session.scalar(
        select(DuplicatePair).where(DuplicatePair.first_id == first, DuplicatePair.second_id == second)
    )
    if state == "found" and row is not None and row.job_id is None:
        session.delete(row)
        return
    if row is None:
        row = DuplicatePair(
            workspace_id=workspace_id, first_id=first, second_id=second, confidence=0.0, evidence={}
        )
        session.add(row)
    row.state, row.updated_at = state, time.time()


def dismiss(catalog: Catalog, workspace_id: int, one: str, other: str) -> None:
    """Say that two entities are two things: no search reports the pair again.

    Raises:
        NotFoundError: There is no such entity.
        UsageError: It is one entity.
    """
    if one == other:
        raise UsageError("an entity is no duplicate of itself", where=one, remedy="name two keys")
    with catalog.write() as session:
        rows = locked(session, workspace_id, [one, other])
        for key, row in rows.items():
            if row.deleted_at is not None:
                raise NotFoundError(
                    "the entity was deleted or merged",
                    where=key,
                    remedy="`chiasm duplicates unmerge` undoes it",
                )
        settle(session, workspace_id, rows[one].id, rows[other].id, "dismissed")


def list_pairs(
    session: Session,
    workspace_id: int,
    *,
    state: str = "found",
    domain: str | None = None,
    modality: str | None = None,
    min_confidence: float = 0.0,
    limit: int = 100,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """Pairs as JSON, the surest first.

    Args:
        session: To read with.
        workspace_id: Tenant.
        state: found, merged or dismissed.
        domain: Both entities are of it (of pairs that are found or dismissed).
        modality: Evidence of it is among what speaks for the pair.
        min_confidence: At least so sure.
        limit: At most so many.
        offset: Leave out so many.

    Raises:
        UsageError: There is no such state, or the limit is out of range.
    """
    if state not in STATES:
        raise UsageError(f"no state {state!r}", where="duplicates", remedy=f"use {', '.join(STATES)}")
    if not (1 <= limit <= _MAX_ROWS and offset >= 0):
        raise UsageError(
            f"limit {limit}, offset {offset}", where="duplicates", remedy=f"use 1 to {_MAX_ROWS}"
        )
    statement = _chosen(workspace_id, state, domain).where(DuplicatePair.confidence >= min_confidence)
    if modality is not None:
        statement = statement.where(DuplicatePair.evidence[modality]["signal"].as_string().is_not(None))
    ordered = statement.order_by(DuplicatePair.confidence.desc(), DuplicatePair.id)
    return [
        {
            "keys": [first_key, second_key],
            "titles": [first_title, second_title],
            "confidence": round(pair.confidence, 4),
            "evidence": pair.evidence,
            "state": pair.state,
            "job": pair.job_id,
            "updated_at": pair.updated_at,
        }
        for pair, first_key, first_title, second_key, second_title in session.execute(
            ordered.limit(limit).offset(offset)
        )
    ]


def _chosen(workspace_id: int, state: str, domain: str | None) -> Any:
    first, second = aliased(Entity), aliased(Entity)
    statement: Any = (
        select(DuplicatePair, first.key, first.title, second.key, second.title)
        .join(first, first.id == DuplicatePair.first_id)
        .join(second, second.id == DuplicatePair.second_id)
        .where(DuplicatePair.workspace_id == workspace_id, DuplicatePair.state == state)
    )
    if state != "merged":
        # One that was merged into a third is not there to be merged.
        statement = statement.where(and_(first.deleted_at.is_(None), second.deleted_at.is_(None)))
    if domain is not None:
        ids = select(Domain.id).where(Domain.workspace_id == workspace_id, Domain.name == domain)
        statement = statement.where(first.domain_id.in_(ids), second.domain_id.in_(ids))
    return statement
