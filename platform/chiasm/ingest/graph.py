"""A workspace's graph and vectors as arrays, for the tokens of its entities."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.change_log import log_marks, seen_since
from chiasm.catalog.graph import current_graph
from chiasm.catalog.models import Asset, Change, Entity, Predicate, Triple, Workspace
from chiasm.ingest.write.tables import chunks

if TYPE_CHECKING:
    from chiasm.spaces import SpaceReader
    from chiasm_graph import NodeFeatures, PathCoder, Triples

__all__ = ["AssetVectors", "WorkspaceGraph", "asset_vectors"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

#: Modality to (owner entity ids (n,), vectors (n, dim)) of embedded assets.
AssetVectors = Mapping[str, tuple[Ints, Floats]]

#: After so many changes the graph is loaded anew; the log may have forgotten older ones.
_MOST_CHANGES = 100_000


class _Log(NamedTuple):
    """The end of the log of changes."""

    #: Tells databases apart.
    epoch: int
    #: Newest entry of any workspace.
    last: int
    #: Entry to the triple that changed or went, of this workspace, from a little before `since`.
    entries: Mapping[int, int]

    @classmethod
    def read(cls, session: Session, workspace_id: int, since: int | None = None) -> _Log:
        epoch, last = log_marks(session)
        statement = select(Change.id, Change.row_id).where(
            seen_since(session, workspace_id, last if since is None else since), Change.kind == "triple"
        )
        return cls(epoch, last, dict(session.execute(statement).all()))


@dataclass(frozen=True)
class WorkspaceGraph:
    """All edges between entities, over dense node numbers."""

    #: Entity id of each node, those without an edge too, ascending, (nodes,).
    ids: Ints
    triples: Triples
    #: Ascending, (triples,).
    triple_ids: Ints
    log: _Log

    @classmethod
    def load(
        cls,
        catalog: Catalog,
        home: Path | None,
        workspace_id: int,
        predicates: Collection[str],
        origins: Collection[str],
    ) -> WorkspaceGraph:
        """The graph as it is now.

        Args:
            catalog: Where it lies.
            home: Where its statements may be kept as columns; None: nowhere.
            workspace_id: Tenant.
            predicates: Relations in the model's numbering; edges of others are left out.
            origins: Where the edges come from that the model reads.
        """
        from chiasm_graph import Triples

        with catalog.read() as session:
            # First: what changes meanwhile is looked at again.
            log = _Log.read(session, workspace_id)
        statements = current_graph(catalog, home, workspace_id)
        with catalog.read() as session:
            ids = _entities(session, workspace_id, 0)
        table, number = statements.table, {name: place for place, name in enumerate(predicates)}
        numbers = np.array([number.get(name, -1) for name in table.relations], dtype=np.int64)
        known = np.isin(table.edges.origins, [table.origins.index(name) for name in origins])
        known &= numbers[table.edges.relations] >= 0
        # Edges stand in the order of their ids, which decides on a wide node's sample; snapshots have the same.
        edges = table.edges.take(known)
        heads, tails = (
            np.searchsorted(ids, statements.entity_ids[ends]) for ends in (edges.heads, edges.tails)
        )
        triples = Triples(
            heads, numbers[edges.relations], tails, num_nodes=len(ids), num_relations=len(number)
        )
        return cls(ids, triples, statements.edge_ids[known], log)

    @classmethod
    def current(
        cls,
        catalog: Catalog,
        home: Path | None,
        workspace_id: int,
        predicates: Collection[str],
        origins: Collection[str],
    ) -> WorkspaceGraph:
        """The same, kept in memory; where the workspace changed, only what is new is read."""
        with catalog.read() as session:
            revision = session.get_one(Workspace, workspace_id).revision
        stamp = (catalog.url, workspace_id, tuple(predicates), tuple(origins))
        with _lock:
            known = _kept.get("graph") if _kept.get("stamp") == stamp else None
            if known is None or _kept["revision"] != revision:
                assert known is None or isinstance(known, WorkspaceGraph)
                followed = known and known.followed(catalog, workspace_id, predicates, origins)
                graph = followed or cls.load(catalog, home, workspace_id, predicates, origins)
                _kept.update(stamp=stamp, revision=revision, graph=graph)
            found = _kept["graph"]
            assert isinstance(found, WorkspaceGraph)
            return found

    def followed(
        self, catalog: Catalog, workspace_id: int, predicates: Collection[str], origins: Collection[str]
    ) -> WorkspaceGraph | None:
        """The graph with the edges that came since; None where others changed or went, so that it is loaded anew."""
        newest = int(self.triple_ids[-1]) if len(self.triple_ids) else 0
        with catalog.read() as session:
            log = _Log.read(session, workspace_id, since=self.log.last)
            touched = [row for change, row in log.entries.items() if change not in self.log.entries]
            place = np.searchsorted(self.triple_ids, touched, side="right") - 1
            late = log.last - self.log.last > _MOST_CHANGES
            known = (self.triple_ids[place] == touched) & (place >= 0) if len(self.triple_ids) else place >= 0
            if log.epoch != self.log.epoch or late or known.any():
                return None
            if _any_read(session, touched, newest, origins):
                # One that was derived is stated now, say.
                return None
            new = _entities(session, workspace_id, int(self.ids[-1]) if len(self.ids) else 0)
            edges = _edges(session, workspace_id, predicates, origins, Triple.id > newest)
        ids = np.concatenate([self.ids, new])
        heads, tails = np.searchsorted(ids, edges[:, 1]), np.searchsorted(ids, edges[:, 3])
        triples = self.triples.with_nodes(len(ids)) if len(new) else self.triples
        if len(edges):
            triples = triples.extended(heads, edges[:, 2], tails)
        return WorkspaceGraph(ids, triples, np.concatenate([self.triple_ids, edges[:, 0]]), log)

    def rows(self, entity_ids: Ints) -> Ints:
        """Nodes of entities, -1 for those that came later."""
        if not len(self.ids):
            return np.full(len(entity_ids), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self.ids, entity_ids), len(self.ids) - 1)
        return np.where(self.ids[at] == entity_ids, at, -1)

    def read_for(self, entity_ids: Ints, fanout: Sequence[int], paths: PathCoder | None = None) -> Ints:
        """Entities whose features the tokens of these ones read, (n,): at a hub only those that are drawn."""
        from chiasm_graph import TreeSampler

        rows = self.rows(entity_ids)
        rows = rows[rows >= 0]
        nodes = TreeSampler(self.triples, fanout).sample(rows).nodes()
        if paths is not None:
            nodes = np.union1d(nodes, paths.ancestors(self.triples, rows).ancestor)
        return self.ids[nodes]

    def features(self, vectors: AssetVectors, dims: Mapping[str, int]) -> NodeFeatures:
        """Mean vector of each node's assets by modality; nodes of which none is given have none."""
        from chiasm_graph import NodeFeatures

        values, present = {}, {}
        for modality, dim in dims.items():
            # Pages of zeros that are never touched take no memory.
            table = np.zeros((len(self.ids), dim), dtype=np.float32)
            there = np.zeros(len(self.ids), dtype=np.bool_)
            owners, matrix = vectors.get(modality, (np.zeros(0, np.int64), np.zeros((0, dim), np.float32)))
            rows = self.rows(owners)
            _pool_into(table, there, rows[rows >= 0], matrix[rows >= 0])
            values[modality], present[modality] = table, there
        return NodeFeatures(values, present)


def asset_vectors(
    session: Session, workspace_id: int, readers: Mapping[str, SpaceReader], entity_ids: Ints | None
) -> AssetVectors:
    """Vectors of entities' embedded assets; None means all of the workspace's."""
    found: dict[str, tuple[Ints, Floats]] = {}
    owners = _owners(session, workspace_id, entity_ids)
    for modality, reader in readers.items():
        assets, entities = owners.get(modality, (np.zeros(0, np.int64), np.zeros(0, np.int64)))
        vectors = np.asarray(reader.vectors(assets), dtype=np.float32)
        there = np.isfinite(vectors).all(axis=1)
        found[modality] = (entities[there], vectors[there])
    return found


_lock = threading.Lock()
_kept: dict[str, object] = {}


def _any_read(session: Session, touched: Sequence[int], newest: int, origins: Collection[str]) -> bool:
    """Whether one of some triples, not newer than these, is of the origins that are read."""
    fits = select(Triple.id).where(Triple.id <= newest, Triple.origin.in_(origins)).limit(1)
    return any(session.scalar(fits.where(Triple.id.in_(some))) is not None for some in chunks(touched))


def _entities(session: Session, workspace_id: int, newest: int) -> Ints:
    statement = select(Entity.id).where(Entity.workspace_id == workspace_id, Entity.id > newest)
    return np.asarray(session.scalars(statement.order_by(Entity.id)).all(), dtype=np.int64)


def _edges(
    session: Session, workspace_id: int, predicates: Collection[str], origins: Collection[str], which: Any
) -> Ints:
    """Id, subject, number of the relation and object of each edge, (edges, 4)."""
    numbers = {name: number for number, name in enumerate(predicates)}
    names = session.execute(
        select(Predicate.id, Predicate.name).where(Predicate.workspace_id == workspace_id)
    )
    relation_of = {predicate_id: numbers[name] for predicate_id, name in names if name in numbers}
    statement = (
        select(Triple.id, Triple.subject_id, Triple.predicate_id, Triple.object_id)
        .where(Triple.workspace_id == workspace_id, Triple.object_id.is_not(None), which)
        .where(Triple.origin.in_(origins))
        # The order decides which neighbours a wide node's sample takes; snapshots have the same.
        .order_by(Triple.id)
    )
    parts = [np.zeros((0, 4), dtype=np.int64)]
    for rows in session.execute(statement).partitions(50_000):
        part = np.asarray([tuple(row) for row in rows], dtype=np.int64)
        parts.append(part[np.isin(part[:, 2], list(relation_of))])
    table = np.concatenate(parts)
    known, inverse = np.unique(table[:, 2], return_inverse=True)
    table[:, 2] = np.asarray([relation_of[int(p)] for p in known], dtype=np.int64)[inverse]
    return table


def _owners(session: Session, workspace_id: int, entity_ids: Ints | None) -> dict[str, tuple[Ints, Ints]]:
    columns = select(Asset.modality, Asset.id, Asset.entity_id).where(
        # Not by state: while a release is built, what waits for its encoder is in its space already.
        Asset.workspace_id == workspace_id
    )
    statements = [columns]
    if entity_ids is not None:
        statements = [columns.where(Asset.entity_id.in_(some)) for some in chunks(entity_ids.tolist())]
    lists: dict[str, tuple[list[int], list[int]]] = {}
    for statement in statements:
        for modality, asset_id, entity_id in session.execute(statement.order_by(Asset.id)):
            assets, owners = lists.setdefault(modality, ([], []))
            assets.append(asset_id)
            owners.append(entity_id)
    return {m: (np.asarray(a, np.int64), np.asarray(o, np.int64)) for m, (a, o) in lists.items()}


def _pool_into(table: Floats, there: NDArray[np.bool_], rows: Ints, vectors: Floats) -> None:
    from chiasm_graph import pool

    touched, owner = np.unique(rows, return_inverse=True)
    if len(touched):
        table[touched], there[touched] = pool(vectors, owner, len(touched))
