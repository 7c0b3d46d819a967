"""Sampled neighbourhood trees, one a seed, in which the seed itself is masked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm_graph.errors import ShapeError
from chiasm_graph.triples import Triples

__all__ = ["Hop", "TreeSampler", "Trees"]

Ints = npt.NDArray[np.int64]


class Hop(NamedTuple):
    """Tree positions one edge further out."""

    #: (positions,) node at each position
    nodes: Ints
    #: (positions,) position of the parent in the hop before; in the first hop, of the seed
    parents: Ints
    #: (positions,) relation as read from the parent, inverses in the upper half
    relations: Ints
    #: (positions,) which seed's tree the position belongs to
    seeds: Ints
    #: (positions,) bool: the seed itself comes back here and must not be read
    masked: npt.NDArray[np.bool_]


class Trees(NamedTuple):
    """Trees of a batch of seeds: hops from the inside out."""

    seeds: Ints
    hops: tuple[Hop, ...]

    def nodes(self) -> Ints:
        """Different nodes that are read, ascending: no seed for the sake of its own tree, ``(n,)``."""
        read = [hop.nodes[~hop.masked] for hop in self.hops]
        return np.unique(np.concatenate([*read, np.zeros(0, dtype=np.int64)]))


class TreeSampler:
    """Draws trees whose size depends on the fan-out alone, whatever the degrees.

    A node with more half-edges than the fan-out has them cut into as many equal strata, of which each
    gives one: no half-edge twice, and no need to touch them all.

    Args:
        graph: What to sample.
        fanout: Most half-edges followed from one position, by hop.
    """

    def __init__(self, graph: Triples, fanout: Sequence[int]) -> None:
        if not fanout or min(fanout) < 1:
            raise ShapeError("fan-out needs a positive number for each hop", where="TreeSampler")
        self.graph = graph
        self.fanout = tuple(fanout)

    def sample(
        self,
        seeds: npt.ArrayLike,
        *,
        exclude: Ints | None = None,
        generator: np.random.Generator | None = None,
    ) -> Trees:
        """Trees of some seeds.

        Args:
            seeds: Nodes, ``(batch,)``.
            exclude: One node a seed that may stand nowhere in its tree, -1 for none, ``(batch,)``.
            generator: Source of randomness; without one the middle of each stratum is taken, so that the
                same graph always gives the same trees.
        """
        roots = np.asarray(seeds, dtype=np.int64).reshape(-1)
        hops: list[Hop] = []
        nodes, owner, masked = roots, np.arange(len(roots)), np.zeros(len(roots), dtype=np.bool_)
        for most in self.fanout:
            # Beyond a masked position lie the seed's own neighbours, already seen in the first hop.
            open_ends = np.flatnonzero(~masked)
            parent, at = self._draw(nodes[open_ends], most, generator)
            parent = open_ends[parent]
            there = self.graph.adjacency.neighbour[at]
            keep = np.ones(len(there), dtype=np.bool_)
            if exclude is not None:
                keep = there != exclude[owner[parent]]
            parent, at, there = parent[keep], at[keep], there[keep]
            owner = owner[parent]
            masked = there == roots[owner]
            hops.append(Hop(there, parent, self.graph.adjacency.relation[at], owner, masked))
            nodes = there
        return Trees(roots, tuple(hops))

    def _draw(self, nodes: Ints, most: int, generator: np.random.Generator | None) -> tuple[Ints, Ints]:
        """Position in ``nodes`` and in the adjacency of at most ``most`` half-edges each."""
        indptr = self.graph.adjacency.indptr
        start = indptr[nodes]
        degree = indptr[nodes + 1] - start
        count = np.minimum(degree, most)
        owner = np.repeat(np.arange(len(nodes)), count)
        rank = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        shift = np.full(len(owner), 0.5) if generator is None else generator.random(len(owner))
        wide = (degree > most)[owner]
        stratum = ((rank + shift) * (degree[owner] / most)).astype(np.int64)
        return owner, start[owner] + np.where(wide, np.minimum(stratum, degree[owner] - 1), rank)
