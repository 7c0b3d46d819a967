"""A workspace's graph and vectors as arrays, for the tokens of its entities."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.graph import CatalogGraph, current_graph
from chiasm.catalog.models import Asset
from chiasm.ingest.write.tables import chunks

if TYPE_CHECKING:
    from chiasm.spaces import SpaceReader
    from chiasm_graph import NodeFeatures, Triples

__all__ = ["AssetVectors", "WorkspaceGraph", "asset_vectors"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

#: Modality to (owner entity ids (n,), vectors (n, dim)) of embedded assets.
AssetVectors = Mapping[str, tuple[Ints, Floats]]

_HOPS = 2


@dataclass(frozen=True)
class WorkspaceGraph:
    """All edges between entities, over dense node numbers."""

    #: Entity id of each node, ascending, (nodes,).
    ids: Ints
    triples: Triples

    @classmethod
    def current(
        cls, catalog: Catalog, home: Path | None, workspace_id: int, predicates: Collection[str]
    ) -> WorkspaceGraph:
        """The graph as it is now; kept in memory until the workspace changes.

        Args:
            catalog: Where it lies.
            home: Where its statements may be kept as columns.
            workspace_id: Tenant.
            predicates: Relations in the model's numbering; edges of others are left out.
        """
        statements = current_graph(catalog, home, workspace_id)
        stamp = (catalog.url, workspace_id, statements.revision, tuple(predicates))
        with _lock:
            if _kept.get("stamp") != stamp:
                _kept.clear()
                _kept.update(stamp=stamp, graph=cls._of(statements, predicates))
            graph = _kept["graph"]
            assert isinstance(graph, WorkspaceGraph)
            return graph

    @classmethod
    def _of(cls, statements: CatalogGraph, predicates: Collection[str]) -> WorkspaceGraph:
        from chiasm_graph import Triples

        table = statements.table
        numbers = {name: n for n, name in enumerate(predicates)}
        number = np.array([numbers.get(name, -1) for name in table.relations], dtype=np.int64)
        # Edges stand in the order of their ids, which decides on a wide node's sample; snapshots have the same.
        known = number[table.edges.relations] >= 0
        heads, tails = (statements.entity_ids[ends[known]] for ends in (table.edges.heads, table.edges.tails))
        ids = np.unique(np.concatenate([heads, tails]))
        triples = Triples(
            np.searchsorted(ids, heads),
            number[table.edges.relations[known]],
            np.searchsorted(ids, tails),
            num_nodes=len(ids),
            num_relations=len(numbers),
        )
        return cls(ids, triples)

    def rows(self, entity_ids: Ints) -> Ints:
        """Nodes of entities, -1 for those without an edge."""
        if not len(self.ids):
            return np.full(len(entity_ids), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self.ids, entity_ids), len(self.ids) - 1)
        return np.where(self.ids[at] == entity_ids, at, -1)

    def around(self, entity_ids: Ints) -> Ints:
        """Entities whose features the tokens of these ones may read, (n,)."""
        rows = self.rows(entity_ids)
        if not (rows >= 0).any():
            return np.zeros(0, dtype=np.int64)
        return self.ids[self.triples.neighbourhood(rows[rows >= 0], _HOPS)]

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
