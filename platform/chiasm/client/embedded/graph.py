"""The knowledge graph, walked in SQL a frontier at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from chiasm.catalog import Catalog
from chiasm.catalog.models import Domain, Entity, Predicate, Triple
from chiasm.client.embedded.entities import find_entity
from chiasm.client.protocol import JsonDict
from chiasm.errors import UsageError

__all__ = ["all_triples", "neighbours"]

#: Ids in one IN list; databases limit them.
_CHUNK = 5000
_MAX_HOPS = 6


class _Edge(NamedTuple):
    id: int
    subject: int
    predicate: str
    object: int
    origin: str
    confidence: float


def neighbours(
    session: Session, workspace_id: int, key: str, *, hops: int = 1, limit: int = 1000
) -> JsonDict:
    """Edges and nodes within `hops` of an entity, nearest first, at most `limit` edges."""
    _check_hops(hops)
    start = find_entity(session, workspace_id, key).id
    seen, frontier, edges = {start}, {start}, dict[int, _Edge]()
    truncated = False
    for _ in range(hops):
        touched = set[int]()
        for edge in _edges(session, frontier):
            if edge.id in edges:
                continue
            if len(edges) >= limit:
                truncated = True
                break
            edges[edge.id] = edge
            touched |= {edge.subject, edge.object}
        frontier = touched - seen
        seen |= touched
        if truncated or not frontier:
            break
    nodes = _nodes(session, seen)
    listed = [
        {
            "subject": nodes[edge.subject]["key"],
            "predicate": edge.predicate,
            "object": nodes[edge.object]["key"],
            "origin": edge.origin,
            "confidence": edge.confidence,
        }
        for edge in edges.values()
    ]
    named = {node["key"]: node for node in nodes.values()}
    return {"key": key, "edges": listed, "nodes": named, "truncated": truncated}


def all_triples(catalog: Catalog, workspace_id: int, *, after: int = 0) -> Iterator[JsonDict]:
    """Every statement after the id `after`, a page a transaction.

    A long reader would keep SQLite from folding its log into the file.
    """
    subject, obj = aliased(Entity), aliased(Entity)
    of_subject, of_object = aliased(Domain), aliased(Domain)
    statement = (
        select(
            Triple.id,
            subject.key.label("subject"),
            subject.title.label("subject_title"),
            of_subject.name.label("subject_domain"),
            Predicate.name.label("predicate"),
            obj.key.label("object"),
            obj.title.label("object_title"),
            of_object.name.label("object_domain"),
            Triple.literal.label("value"),
            Triple.origin,
            Triple.confidence,
        )
        .join(subject, subject.id == Triple.subject_id)
        .join(Predicate, Predicate.id == Triple.predicate_id)
        .outerjoin(obj, obj.id == Triple.object_id)
        .outerjoin(of_subject, of_subject.id == subject.domain_id)
        .outerjoin(of_object, of_object.id == obj.domain_id)
        .where(Triple.workspace_id == workspace_id)
        .order_by(Triple.id)
        .limit(_CHUNK)
    )
    last = after
    while True:
        with catalog.read() as session:
            rows = session.execute(statement.where(Triple.id > last)).mappings().all()
        if not rows:
            return
        last = rows[-1]["id"]
        yield from (dict(row) for row in rows)


def _edges(session: Session, frontier: Collection[int]) -> Iterator[_Edge]:
    ids = sorted(frontier)
    for at in range(0, len(ids), _CHUNK):
        chunk = ids[at : at + _CHUNK]
        statement = (
            select(
                Triple.id,
                Triple.subject_id,
                Predicate.name,
                Triple.object_id,
                Triple.origin,
                Triple.confidence,
            )
            .join(Predicate, Predicate.id == Triple.predicate_id)
            .where(Triple.object_id.is_not(None))
            .where(or_(Triple.subject_id.in_(chunk), Triple.object_id.in_(chunk)))
            .order_by(Triple.id)
        )
        for row in session.execute(statement):
            yield _Edge._make(row)


def _nodes(session: Session, ids: Collection[int]) -> dict[int, JsonDict]:
    listed, nodes = sorted(ids), dict[int, JsonDict]()
    for at in range(0, len(listed), _CHUNK):
        statement = (
            select(Entity.id, Entity.key, Entity.title, Domain.name, Entity.is_stub)
            .outerjoin(Domain, Domain.id == Entity.domain_id)
            .where(Entity.id.in_(listed[at : at + _CHUNK]))
        )
        for node_id, key, title, domain, stub in session.execute(statement):
            nodes[node_id] = {"key": key, "title": title, "domain": domain, "stub": stub}
    return nodes


def _check_hops(hops: int) -> None:
    if not 1 <= hops <= _MAX_HOPS:
        raise UsageError(f"{hops} hops are not possible", remedy=f"use 1 to {_MAX_HOPS}")
