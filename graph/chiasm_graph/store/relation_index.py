"""Ends of each relation's edges by node, as compressed rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm_graph.spans import spread

__all__ = ["RelationIndex"]

Ints = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]


class RelationIndex(NamedTuple):
    """One compressed-row matrix a relation, with rows of the nodes alone that have an edge of it.

    Rows of relation ``r`` are ``starts[r]:starts[r + 1]``; row ``i`` is node ``nodes[i]``, its other ends are
    ``others[indptr[i]:indptr[i + 1]]``. An ordinary ``indptr`` of all nodes for each of hundreds of relations would be
    larger than the edges.

    References:
        Buluc and Gilbert 2008, "On the Representation and Multiplication of Hypersparse Matrices" (DCSR).
    """

    #: (relations + 1,) int64
    starts: Ints
    #: (rows,) int32, ascending within a relation
    nodes: Int32s
    #: (rows + 1,) int64
    indptr: Ints
    #: (edges,) int32, ascending within a row
    others: Int32s
    #: (edges,) int32, the edge's row in the table
    edges: Int32s

    @classmethod
    def build(cls, relations: Int32s, nodes: Int32s, others: Int32s, num_relations: int) -> RelationIndex:
        """Sort edges, ``(edges,)`` each, by relation, node and other end."""
        order = np.lexsort((others, nodes, relations)).astype(np.int32)
        kinds, ends = relations[order], nodes[order]
        new = np.ones(len(order), dtype=np.bool_)
        new[1:] = (kinds[1:] != kinds[:-1]) | (ends[1:] != ends[:-1])
        rows = np.flatnonzero(new)
        return cls(
            np.searchsorted(kinds[rows], np.arange(num_relations + 1)).astype(np.int64),
            ends[rows],
            np.append(rows, len(order)),
            others[order],
            order,
        )

    @property
    def num_relations(self) -> int:
        """How many relations."""
        return len(self.starts) - 1

    def of(self, relation: int, node: int) -> Int32s:
        """The other ends of one node's edges of a relation, ascending, ``(n,)``."""
        first, last = self.starts[relation], self.starts[relation + 1]
        at = first + int(np.searchsorted(self.nodes[first:last], node))
        if at == last or self.nodes[at] != node:
            return self.others[:0]
        return self.others[self.indptr[at] : self.indptr[at + 1]]

    def spans(self, relation: int, nodes: npt.ArrayLike) -> tuple[Ints, Ints]:
        """Where the edges of many nodes stand in `others`: first place and number, ``(n,)`` each."""
        wanted = np.asarray(nodes).reshape(-1)
        first, last = int(self.starts[relation]), int(self.starts[relation + 1])
        if first == last:
            return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.int64)
        known = self.nodes[first:last]
        at = np.minimum(np.searchsorted(known, wanted), last - first - 1)
        there = known[at] == wanted
        start = self.indptr[first + at]
        return np.where(there, start, 0), np.where(there, self.indptr[first + at + 1] - start, 0)

    def many(self, relation: int, nodes: npt.ArrayLike) -> tuple[Ints, Int32s]:
        """The other ends of many nodes' edges: position in ``nodes`` and other end, ``(n,)`` each."""
        owner, at = spread(*self.spans(relation, nodes))
        return owner, self.others[at]

    def has(self, relation: int, nodes: npt.ArrayLike, others: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether there are edges of a relation between pairs of nodes, ``(n,)``, by bisection of all at once."""
        low, count = self.spans(relation, nodes)
        wanted = np.asarray(others).reshape(-1)
        high = low + count
        end = high.copy()
        while len(low) and bool((low < high).any()):
            middle = (low + high) // 2
            # Finished pairs look at a place that exists and move nothing.
            seen = self.others[np.minimum(middle, len(self.others) - 1)]
            open_ = low < high
            right = open_ & (seen < wanted)
            low = np.where(right, middle + 1, low)
            high = np.where(open_ & ~right, middle, high)
        found = low < end
        there = np.zeros(len(wanted), dtype=np.bool_)
        there[found] = self.others[low[found]] == wanted[found]
        return there
