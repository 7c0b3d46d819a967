"""What a stored entity was fused from: the vectors of its items, and its graph token made anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from chiasm.search.column import Floats
from chiasm.search.query import MODALITIES
from chiasm.search.replica import Ints, Replica
from chiasm.search.state import State
from chiasm_graph import NodeFeatures, Triples, pool

if TYPE_CHECKING:
    from chiasm.fusion.runtime import FusionModel

__all__ = ["Tokens", "graph_tokens", "known_graph", "tokens_of"]

#: Kind to the tokens of one entity, ``(tokens, dim_kind)``; what is absent is left out.
Tokens = dict[str, npt.NDArray[np.floating]]
#: Edges that a graph token looks along.
_HOPS = 2


def tokens_of(state: State, model: FusionModel, rows: Ints) -> list[Tokens]:
    """The tokens of some entities, one mapping each."""
    tokens: list[Tokens] = [{} for _ in rows]
    for modality in MODALITIES:
        if modality in state.columns and modality in model.feature_dims:
            for token, row in zip(tokens, rows.tolist(), strict=True):
                items = state.columns[modality].items_of(row)
                if len(items):
                    token[modality] = items
    for token, vector in zip(tokens, graph_tokens(state, model, rows), strict=True):
        if np.isfinite(vector).all():
            token["graph"] = vector[None]
    for token, vector in zip(tokens, _path_tokens(state, model, rows), strict=True):
        if np.isfinite(vector).all():
            token["path"] = vector[None]
    return tokens


def graph_tokens(
    state: State, model: FusionModel, rows: Sequence[int] | Ints, exclude: Ints | None = None
) -> Floats:
    """Graph tokens as ingest makes them, ``(rows, dim)``; NaN for entities without a neighbour.

    Args:
        state: Holds graph and items.
        model: Of the release.
        rows: Entities.
        exclude: Of each, an entity that counts as not there, ``(rows,)``.
    """
    rows = np.asarray(rows, dtype=np.int64)
    if "graph" not in model.feature_dims:
        return np.full((len(rows), 1), np.nan, dtype=np.float32)
    graph = known_graph(state, model)
    features = _features(state, model, graph.neighbourhood(rows, _HOPS))
    return model.graph_tokens(graph, features, rows, exclude=exclude)


def _path_tokens(state: State, model: FusionModel, rows: Ints) -> Floats:
    """Path tokens as ingest makes them, ``(rows, dim)``; NaN where there is none."""
    if model.paths is None:
        return np.full((len(rows), 1), np.nan, dtype=np.float32)
    graph = known_graph(state, model)
    above = np.unique(model.paths.ancestors(graph, rows).ancestor)
    return model.path_tokens(graph, _features(state, model, above), rows)


def known_graph(state: State, model: FusionModel) -> Triples:
    """The edges whose relations the release knows, in its numbering; kept as long as the replica is."""
    name = f"graph of {state.folder}"
    if name not in state.derived:
        state.derived[name] = _renumbered(state.replica, model.predicates)
    found: Triples = state.derived[name]
    return found


def _renumbered(replica: Replica, predicates: Sequence[str]) -> Triples:
    numbers = {name: number for number, name in enumerate(predicates)}
    relation = np.array([numbers.get(name, -1) for name in replica.predicates], dtype=np.int64)
    graph = replica.graph
    relations = relation[graph.relations] if len(relation) else graph.relations
    known = relations >= 0
    return Triples(
        graph.heads[known],
        relations[known],
        graph.tails[known],
        num_nodes=graph.num_nodes,
        num_relations=len(predicates),
    )


def _features(state: State, model: FusionModel, rows: Ints) -> NodeFeatures:
    """Mean item of some entities by modality; of all others nothing is known."""
    replica = state.replica
    wanted = np.zeros(len(replica), dtype=np.bool_)
    wanted[rows] = True
    chosen = np.flatnonzero(wanted[replica.asset_rows])
    values, present = {}, {}
    for modality in model.modalities:
        # Pages of zeros that are never touched take no memory.
        values[modality] = np.zeros((len(replica), model.feature_dims[modality]), dtype=np.float32)
        present[modality] = np.zeros(len(replica), dtype=np.bool_)
        if modality in state.columns and len(chosen):
            vectors = state.columns[modality].view.vectors(replica.asset_ids[chosen])
            there = np.isfinite(vectors).all(axis=1)
            owners, at = np.unique(replica.asset_rows[chosen[there]], return_inverse=True)
            if len(owners):
                values[modality][owners], present[modality][owners] = pool(vectors[there], at, len(owners))
    return NodeFeatures(values, present)
