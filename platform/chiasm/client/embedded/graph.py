"""The knowledge graph, walked in SQL a frontier at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice, pairwise
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from chiasm.catalog import Catalog
from chiasm.catalog.models import Domain, Entity, Predicate, Triple
from chiasm.client.embedded.entities import find_entity
from chiasm.client.protocol import JsonDict
from chiasm.errors import UsageError

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["all_triples", "neighbours", "shortest_paths"]

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


def shortest_paths(
    session: Session, workspace_id: int, key: str, to: str, *, max_hops: int = 4, limit: int = 5
) -> list[list[str]]:
    """Shortest paths as `[key, predicate, key, ...]`; `^predicate` is walked against its direction."""
    import networkx as nx

    _check_hops(max_hops)
    start, goal = (find_entity(session, workspace_id, name).id for name in (key, to))
    if start == goal:
        return [[key]]
    graph: nx.MultiDiGraph = nx.MultiDiGraph()
    if not _connect(session, graph, start, goal, max_hops):
        return []
    found = list(islice(nx.all_shortest_paths(graph.to_undirected(as_view=True), start, goal), limit))
    nodes = _nodes(session, {node for path in found for node in path})
    return [_spelled(graph, path, nodes) for path in found]


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


def _connect(session: Session, graph: nx.MultiDiGraph, start: int, goal: int, max_hops: int) -> bool:
    """Whether the two met within `max_hops`; `graph` then holds every shortest path between them."""
    seen = ({start}, {goal})
    frontiers = [{start}, {goal}]
    for _ in range(max_hops):
        # The smaller side grows: a hub on one end does not pull half of the graph in.
        side = 0 if len(frontiers[0]) <= len(frontiers[1]) else 1
        touched = set[int]()
        for edge in _edges(session, frontiers[side]):
            graph.add_edge(edge.subject, edge.object, predicate=edge.predicate)
            touched |= {edge.subject, edge.object}
        frontiers[side] = touched - seen[side]
        seen[side].update(touched)
        if seen[0] & seen[1]:
            return True
        if not frontiers[side]:
            return False
    return False


def _spelled(graph: nx.MultiDiGraph, path: list[int], nodes: dict[int, JsonDict]) -> list[str]:
    spelled: list[str] = [nodes[path[0]]["key"]]
    for head, tail in pairwise(path):
        forward = graph.has_edge(head, tail)
        data = graph.get_edge_data(head, tail) if forward else graph.get_edge_data(tail, head)
        predicate = next(iter(data.values()))["predicate"]
        spelled += [predicate if forward else f"^{predicate}", nodes[tail]["key"]]
    return spelled


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
