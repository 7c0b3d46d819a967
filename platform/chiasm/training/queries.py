"""Queries that judge a model: held-out assets, held-out words, and both across domains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chiasm.training.dataset import Dataset
from chiasm.training.holdout import Visible

__all__ = ["Query", "held_out_queries"]

Ints = npt.NDArray[np.int64]
#: From so many neighbours on a node is a hub.
_HUB = 1000


@dataclass(frozen=True)
class Query:
    """One asset as the query."""

    #: Row among the assets
    asset: int
    modality: str
    #: Domain of the asset's entity, and of those expected
    domain_from: str
    domain_into: str
    #: Entity rows that count as right
    expected: tuple[int, ...]
    #: Queries of one source are drawn together in intervals
    source: int


def held_out_queries(data: Dataset, split: str, seen: Visible, present: npt.NDArray[np.bool_]) -> list[Query]:
    """Queries of a split, in a fixed order.

    Args:
        data: The data set.
        split: "valid" or "test".
        seen: What the model and the index may know.
        present: Entities that are indexed with anything at all, ``(entities,)``.
    """
    held = (data.split == split) & ~seen.assets
    grouped: dict[tuple[int, str], set[int]] = {}
    asset_of: dict[tuple[int, str], int] = {}
    neighbours = _ends(data)
    for asset in np.flatnonzero(held).tolist():
        entity = int(data.entity[asset])
        owners = (
            neighbours.get(entity, []) if seen.words[entity] else [entity] if not data.stub[entity] else []
        )
        for owner in owners:
            if present[owner] and not data.stub[owner]:
                key = (int(data.content[asset]), str(data.domain[owner]))
                grouped.setdefault(key, set()).add(int(owner))
                asset_of.setdefault(key, asset)
    queries = [_query(data, asset_of[key], key[1], right) for key, right in sorted(grouped.items())]
    return queries + _beyond(data, held, seen, present) + _across(data, split, seen, present)


def _query(data: Dataset, asset: int, into: str, right: set[int]) -> Query:
    entity = int(data.entity[asset])
    # A word comes from the domain of those it names.
    origin = into if data.stub[entity] else str(data.domain[entity])
    return Query(asset, str(data.names[asset]), origin, into, tuple(sorted(right)), int(data.content[asset]))


def _beyond(
    data: Dataset, held: npt.NDArray[np.bool_], seen: Visible, present: npt.NDArray[np.bool_]
) -> list[Query]:
    """Held-out assets as queries for what stands next to their entity in another domain, one or two edges away.

    Only what is nearest in a domain counts, and not where a hub makes it everything.
    """
    near: dict[int, set[int]] = {}
    for here, there in zip(seen.graph.heads.tolist(), seen.graph.tails.tolist(), strict=True):
        near.setdefault(here, set()).add(there)
        near.setdefault(there, set()).add(here)
    queries = []
    for asset in np.flatnonzero(held).tolist():
        entity = int(data.entity[asset])
        if data.stub[entity]:
            continue
        first = near.get(entity, set())
        answered = {str(data.domain[entity])}
        # A hub leads everywhere; what it leads to says nothing.
        second = {end for middle in first if len(near[middle]) <= _HUB for end in near[middle]}
        for ring in (first, second - first - {entity}):
            domains: dict[str, set[int]] = {}
            for end in ring:
                if present[end] and not data.stub[end]:
                    domains.setdefault(str(data.domain[end]), set()).add(end)
            for into in sorted(domains.keys() - answered):
                queries.append(_query(data, asset, into, domains[into]))
            answered |= domains.keys()
    return queries


def _across(data: Dataset, split: str, seen: Visible, present: npt.NDArray[np.bool_]) -> list[Query]:
    """Assets of one end of a held-out edge as queries for the other end, where that is in another domain."""
    grouped: dict[tuple[int, str], set[int]] = {}
    graph = data.graph
    for at in np.flatnonzero((data.triple_split == split) & ~seen.triples):
        for here, there in ((graph.heads[at], graph.tails[at]), (graph.tails[at], graph.heads[at])):
            if (
                data.stub[here]
                or data.stub[there]
                or data.domain[here] == data.domain[there]
                or not present[there]
            ):
                continue
            grouped.setdefault((int(here), str(data.domain[there])), set()).add(int(there))
    queries = []
    for (entity, into), right in sorted(grouped.items()):
        assets = np.arange(data.indptr[entity], data.indptr[entity + 1])
        _, first = np.unique(data.modality[assets], return_index=True)
        queries += [_query(data, int(assets[i]), into, right) for i in first]
    return queries


def _ends(data: Dataset) -> dict[int, list[int]]:
    """Neighbours of every stub."""
    result: dict[int, list[int]] = {}
    graph = data.graph
    for here, there in ((graph.heads, graph.tails), (graph.tails, graph.heads)):
        for at in np.flatnonzero(data.stub[here]):
            result.setdefault(int(here[at]), []).append(int(there[at]))
    return result
