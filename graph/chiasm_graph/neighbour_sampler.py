"""Sampled subgraphs around seeds, without a loop over nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm_graph.drawing import draw
from chiasm_graph.errors import ShapeError
from chiasm_graph.spans import spread
from chiasm_graph.triples import Triples

__all__ = ["NeighbourSampler", "Subgraph"]

Ints = npt.NDArray[np.int64]
#: Nodes that are expanded at a time: what is made of them stays in the processor's cache.
_CHUNK = 1 << 13
_LOW = np.int64((1 << 32) - 1)


class Subgraph(NamedTuple):
    """Nodes of a sample, numbered anew, and the half-edges that were followed.

    Messages go from ``sources`` to ``targets``: towards the seeds.
    """

    #: (nodes,) in the graph's numbering: different seeds first, then hop by hop
    nodes: Ints
    #: (half_edges,) place in `nodes` of the neighbour that was found
    sources: Ints
    #: (half_edges,) place in `nodes` of the node from which it was found
    targets: Ints
    #: (half_edges,) relation as read from the target, inverses in the upper half
    relations: Ints
    #: (half_edges,) position in the sampler's half-edges; see `NeighbourSampler.triple_of`
    half_edges: Ints
    #: (seeds,) place in `nodes` of each seed
    seeds: Ints
    #: Different seeds, then nodes that each hop added.
    hop_nodes: tuple[int, ...]
    #: Half-edges of each hop.
    hop_edges: tuple[int, ...]


class NeighbourSampler:
    """Draws half-edges of nodes without replacement, every subset alike likely, as PyG's neighbour sampling does.

    A node is expanded once, in the hop after the one in which it was first met. With a fan-out a relation, each
    relation of a node is drawn from by itself. The same generator state gives the same sample. Self-loops are no
    neighbours.

    Args:
        graph: What to sample; both directions of its triples are followed.
        fanout: Half-edges followed from one node, by hop: one number for all relations together, or a number for each
            relation in ``[0, 2 * num_relations)``, others 0. -1 means all.

    Raises:
        ShapeError: No hop, a number below -1, or a relation that there is not.

    References:
        Hamilton et al. 2017, "Inductive Representation Learning on Large Graphs", algorithm 2.
    """

    def __init__(self, graph: Triples, fanout: Sequence[int | Mapping[int, int]]) -> None:
        self.graph = graph
        self.fanout = tuple(fanout)
        numbers = [n for one in self.fanout for n in (one.values() if isinstance(one, Mapping) else (one,))]
        if not self.fanout or min(numbers, default=0) < -1:
            raise ShapeError("fan-out needs a number from -1 for each hop", where="NeighbourSampler")
        relations = {r for one in self.fanout if isinstance(one, Mapping) for r in one}
        if relations and not 0 <= min(relations) <= max(relations) < 2 * graph.num_relations:
            raise ShapeError(
                f"relations of a fan-out must lie in 0..{2 * graph.num_relations - 1}",
                where="NeighbourSampler",
            )
        #: Place of each node in the sample that is being made, -1 for none.
        self._place = np.full(graph.num_nodes, -1, dtype=np.int32)

    @cached_property
    def _packed(self) -> Ints:
        """Relation and neighbour of each half-edge in one number: one look into memory instead of two."""
        adjacency = self.graph.adjacency
        return (adjacency.relation << 32) | adjacency.neighbour

    @cached_property
    def _stretches(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Half-edges sorted by node and relation: ``(order, stretch_indptr by node, stretch starts, relations)``."""
        adjacency = self.graph.adjacency
        nodes = np.repeat(np.arange(self.graph.num_nodes), np.diff(adjacency.indptr))
        order = np.lexsort((adjacency.relation, nodes))
        kinds, ends = adjacency.relation[order], nodes[order]
        new = np.ones(len(order), dtype=np.bool_)
        new[1:] = (kinds[1:] != kinds[:-1]) | (ends[1:] != ends[:-1])
        starts = np.flatnonzero(new)
        indptr = np.searchsorted(ends[starts], np.arange(self.graph.num_nodes + 1))
        return order, indptr, np.append(starts, len(order)), kinds[starts]

    def triple_of(self, half_edges: Ints) -> Ints:
        """Row of the triple that each half-edge belongs to, ``(n,)``."""
        return self.graph.adjacency.triple[half_edges]

    def sample(self, seeds: npt.ArrayLike, generator: np.random.Generator) -> Subgraph:
        """The subgraph around some seeds, which may be named more than once, ``(seeds,)``.

        Not for two threads at a time.
        """
        roots = np.asarray(seeds, dtype=np.int64).reshape(-1)
        if len(roots) and (roots.min() < 0 or roots.max() >= self.graph.num_nodes):
            raise ShapeError(f"seeds must lie in 0..{self.graph.num_nodes - 1}", where="NeighbourSampler")
        first, places = self._number(roots, 0)
        found, hop_nodes, hop_edges = [first], [len(first)], []
        parts: list[tuple[Ints, Ints, Ints, Ints]] = []
        total, front = len(first), first
        try:
            for most in self.fanout:
                before = len(parts), len(found)
                base = total - len(front)
                for start in range(0, len(front), _CHUNK):
                    owner, at = self._draw(front[start : start + _CHUNK], most, generator)
                    packed = self._packed[at]
                    new, there = self._number(packed & _LOW, total)
                    parts.append((there, owner + (base + start), packed >> 32, at))
                    found.append(new)
                    total += len(new)
                front = np.concatenate(found[before[1] :]) if len(found) > before[1] else front[:0]
                hop_nodes.append(len(front))
                hop_edges.append(sum(len(part[0]) for part in parts[before[0] :]))
        finally:
            for nodes in found:
                self._place[nodes] = -1
        none = np.zeros(0, dtype=np.int64)
        columns = [np.concatenate(one) for one in zip(*parts, strict=True)] if parts else [none] * 4
        sources, targets, relations, half_edges = columns
        return Subgraph(
            np.concatenate(found),
            sources,
            targets,
            relations,
            half_edges,
            places,
            tuple(hop_nodes),
            tuple(hop_edges),
        )

    def _draw(
        self, nodes: Ints, most: int | Mapping[int, int], generator: np.random.Generator
    ) -> tuple[Ints, Ints]:
        """Position in ``nodes`` and in the adjacency of the half-edges that are followed."""
        if not isinstance(most, Mapping):
            start = self.graph.adjacency.indptr[nodes]
            return draw(start, self.graph.adjacency.indptr[nodes + 1] - start, most, generator)
        order, indptr, starts, kinds = self._stretches
        limit = np.zeros(2 * self.graph.num_relations, dtype=np.int64)
        limit[list(most)] = list(most.values())
        owner, stretch = spread(indptr[nodes], indptr[nodes + 1] - indptr[nodes])
        wanted = limit[kinds[stretch]] != 0
        owner, stretch = owner[wanted], stretch[wanted]
        drawn, at = draw(
            starts[stretch], starts[stretch + 1] - starts[stretch], limit[kinds[stretch]], generator
        )
        return owner[drawn], order[at]

    def _number(self, nodes: Ints, total: int) -> tuple[Ints, Ints]:
        """Number those that are new from ``total`` on: which these are, each once, and the place of each node."""
        places = self._place[nodes].astype(np.int64)
        unknown = np.flatnonzero(places < 0)
        new = nodes[unknown]
        # Of equal ones the last stays written, and stands for all of them.
        turn = np.arange(len(new), dtype=np.int32)
        self._place[new] = turn
        stands = self._place[new]
        first = stands == turn
        once = new[first]
        number = np.cumsum(first) + (total - 1)
        places[unknown] = number[stands]
        self._place[once] = number[first]
        return once, places
