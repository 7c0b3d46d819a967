"""Paths between two nodes, those first that say the most."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm_graph.information import distances, rarity
from chiasm_graph.paths import Step
from chiasm_graph.triples import Triples

__all__ = ["InformativePaths", "RankedPath", "informative_paths"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
#: Steps of the search; only paths that would pass a node twice cost more than their own length.
_MAX_STEPS = 200_000


class RankedPath(NamedTuple):
    """A path and what it says."""

    #: As `chiasm_graph.paths.shortest_paths` gives them.
    steps: list[Step]
    #: In bits; see `informative_paths`.
    information: float


class InformativePaths(NamedTuple):
    """The best paths."""

    paths: list[RankedPath]
    #: False where the search was given up before it had as many as were asked for.
    complete: bool


def informative_paths(
    graph: Triples, a: int, b: int, max_hops: int, *, limit: int = 5, max_steps: int = _MAX_STEPS
) -> InformativePaths:
    """The paths from ``a`` to ``b`` with the most information, exactly, whatever their length.

    A path of ``L`` steps with relations ``p_i`` over the inner nodes ``v_j`` has

        information = (1 / L) * sum_i log2(T / T(p_i))  -  sum_j log2(degree(v_j))

    bits, where ``T`` is the number of triples and ``T(p)`` that of a relation. The first part is how rare its relations
    are, on the whole; the second is what it costs to find each inner node's edge among all edges of that node: a path
    over a hub of a million edges loses 20 bits, whatever it says.

    For each length the best rest of a path from every node is computed first, from ``b`` backwards; a best-first search
    that knows these rests then finds path after path in order. No path passes a node twice, and nodes in one order are
    one path, by the rarest relations between them.

    Args:
        graph: Where to search; both directions of an edge are walked.
        a: First node.
        b: Last node.
        max_hops: Longest path that counts.
        limit: How many paths.
        max_steps: Steps after which the search gives up.

    References:
        Pirro 2015, "Explaining and suggesting relatedness in knowledge graphs": informativeness as the mean over a
        path of what is rare about its predicates; of its PF-ITF we take the second factor. Moore, Steinke and Tresp
        2011, "A novel metric for information retrieval in semantic networks": the logarithm of degrees as length.
    """
    if a == b or max_hops < 1 or limit < 1:
        return InformativePaths([], True)
    field = _Field.between(graph, a, b, max_hops)
    if field is None:
        return InformativePaths([], True)
    found: dict[tuple[int, ...], RankedPath] = {}
    for steps, path in enumerate(_best_first(field, max_hops)):
        if path is not None:
            found.setdefault(tuple(node for node, _, _ in path.steps), path)
        if len(found) == limit:
            break
        if steps >= max_steps:
            return InformativePaths(list(found.values()), False)
    return InformativePaths(list(found.values()), True)


class _Field(NamedTuple):
    """What lies on paths that are short enough, by numbers of its own."""

    #: (nodes,) in the graph
    nodes: Ints
    a: int
    b: int
    #: (nodes + 1,)
    indptr: Ints
    #: (half-edges,)
    source: Ints
    target: Ints
    relation: Ints
    #: (half-edges,) bits of its relation
    rarity: Floats
    #: (half-edges,) bits that passing its target costs
    cost: Floats

    @classmethod
    def between(cls, graph: Triples, a: int, b: int, max_hops: int) -> _Field | None:
        """The part of a graph that counts; None where there is no path."""
        ahead, behind = distances(graph, a, max_hops), distances(graph, b, max_hops)
        if behind[a] > max_hops:
            return None
        near = ahead.astype(np.int64) + behind <= max_hops
        _prune(graph, near, a, b, max_hops)
        nodes = np.flatnonzero(near)
        owner, at = graph.half_edges(nodes)
        there = graph.adjacency.neighbour[at]
        # Nothing comes back to where it began, nor goes on from where it ends.
        keep = near[there] & (there != a) & (nodes[owner] != b)
        owner, at, there = owner[keep], at[keep], there[keep]
        relation = graph.adjacency.relation[at]
        cost = np.log2(np.maximum(graph.degrees()[there], 1))
        cost[there == b] = 0.0
        indptr = np.zeros(len(nodes) + 1, dtype=np.int64)
        np.cumsum(np.bincount(owner, minlength=len(nodes)), out=indptr[1:])
        return cls(
            nodes,
            int(np.searchsorted(nodes, a)),
            int(np.searchsorted(nodes, b)),
            indptr,
            owner,
            np.searchsorted(nodes, there),
            relation,
            rarity(graph)[relation % graph.num_relations],
            cost,
        )

    def rests(self, length: int) -> list[Floats]:
        """The most that ``0 .. length`` last steps of a path of that length are worth from each node, ``(nodes,)``."""
        rest = np.full(len(self.nodes), -np.inf)
        rest[self.b] = 0.0
        found = [rest]
        step = self.rarity / length - self.cost
        joined = np.flatnonzero(np.diff(self.indptr))
        for _ in range(length):
            best = np.full(len(self.nodes), -np.inf)
            if len(joined):
                best[joined] = np.maximum.reduceat(step + found[-1][self.target], self.indptr[joined])
            found.append(best)
        return found


class _Partial(NamedTuple):
    """The beginning of a path, and where the search goes on."""

    trail: tuple[int, ...]
    #: Half-edges that were taken.
    taken: tuple[int, ...]
    value: float
    length: int
    #: Half-edges from here, the most promising first, and what a whole path over each is worth at most.
    ways: Ints
    worth: Floats
    next: int


def _best_first(field: _Field, max_hops: int) -> Iterator[RankedPath | None]:
    """A path, or None for a step towards one; paths come in order."""
    rests = {length: field.rests(length) for length in range(1, max_hops + 1)}
    serial = count()
    heap: list[tuple[float, int, int, _Partial]] = []

    def push(partial: _Partial) -> None:
        if partial.next < len(partial.ways):
            worth = float(partial.worth[partial.next])
            heapq.heappush(heap, (-worth, partial.length, next(serial), partial))

    for length in rests:
        push(_opened(field, rests[length], (field.a,), (), 0.0, length))
    while heap:
        partial = heapq.heappop(heap)[-1]
        edge = int(partial.ways[partial.next])
        push(partial._replace(next=partial.next + 1))
        value = partial.value + float(field.rarity[edge] / partial.length - field.cost[edge])
        taken = (*partial.taken, edge)
        if len(taken) == partial.length:
            yield RankedPath(_steps(field, taken), value)
            continue
        trail = (*partial.trail, int(field.target[edge]))
        push(_opened(field, rests[partial.length], trail, taken, value, partial.length))
        yield None


def _opened(
    field: _Field,
    rests: list[Floats],
    trail: tuple[int, ...],
    taken: tuple[int, ...],
    value: float,
    length: int,
) -> _Partial:
    here = trail[-1]
    ways = np.arange(field.indptr[here], field.indptr[here + 1])
    target = field.target[ways]
    worth = value + field.rarity[ways] / length - field.cost[ways] + rests[length - len(taken) - 1][target]
    fit = np.isfinite(worth) & ~np.isin(target, trail)
    ways, worth = ways[fit], worth[fit]
    order = np.argsort(-worth, kind="stable")
    return _Partial(trail, taken, value, length, ways[order], worth[order], 0)


def _steps(field: _Field, taken: tuple[int, ...]) -> list[Step]:
    return [
        (
            int(field.nodes[field.source[edge]]),
            int(field.relation[edge]),
            int(field.nodes[field.target[edge]]),
        )
        for edge in taken
    ]


def _prune(graph: Triples, near: npt.NDArray[np.bool_], a: int, b: int, rounds: int) -> None:
    """Take out nodes that no path passes, as they have one neighbour alone: the leaves of a hub."""
    for _ in range(rounds):
        nodes = np.flatnonzero(near)
        owner, at = graph.half_edges(nodes)
        there = graph.adjacency.neighbour[at]
        inside = near[there]
        owner, there = owner[inside], there[inside]
        first = np.searchsorted(owner, np.arange(len(nodes)))
        several = np.zeros(len(nodes), dtype=np.bool_)
        several[owner[there != there[first[owner]]]] = True
        dead = nodes[~several]
        dead = dead[(dead != a) & (dead != b)]
        if not len(dead):
            break
        near[dead] = False
