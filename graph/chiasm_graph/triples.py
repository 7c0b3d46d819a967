"""A knowledge graph as three arrays, with both directions of each edge at hand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm_graph.errors import ShapeError
from chiasm_graph.spans import spread

__all__ = ["Adjacency", "Triples"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Adjacency(NamedTuple):
    """Compressed rows: the half-edges of node ``n`` are ``indptr[n]:indptr[n + 1]``.

    Each triple is two half-edges, one at its head and one at its tail; the one at the tail carries
    the inverse relation ``relation + num_relations``.
    """

    #: (nodes + 1,)
    indptr: Ints
    #: (2 * triples,) the node at the other end
    neighbour: Ints
    #: (2 * triples,) in ``[0, 2 * num_relations)``
    relation: Ints
    #: (2 * triples,) row of the triple that the half-edge belongs to
    triple: Ints


class Triples:
    """Triples ``(head, relation, tail)`` over dense node and relation numbers.

    Args:
        heads: Node of each triple's subject, ``(triples,)``.
        relations: ``(triples,)``.
        tails: ``(triples,)``.
        num_nodes: Nodes are ``0 .. num_nodes - 1``; those without an edge are fine.
        num_relations: Relations are ``0 .. num_relations - 1``, inverses not counted.

    Raises:
        ShapeError: Lengths differ, or a number is out of range.
    """

    def __init__(
        self,
        heads: npt.ArrayLike,
        relations: npt.ArrayLike,
        tails: npt.ArrayLike,
        *,
        num_nodes: int,
        num_relations: int,
    ) -> None:
        self.heads: Ints = np.ascontiguousarray(heads, dtype=np.int64).reshape(-1)
        self.relations: Ints = np.ascontiguousarray(relations, dtype=np.int64).reshape(-1)
        self.tails: Ints = np.ascontiguousarray(tails, dtype=np.int64).reshape(-1)
        self.num_nodes = int(num_nodes)
        self.num_relations = int(num_relations)
        if not len(self.heads) == len(self.relations) == len(self.tails):
            raise ShapeError("heads, relations and tails differ in length", where="Triples")
        for name, values, limit in (
            ("heads", self.heads, self.num_nodes),
            ("relations", self.relations, self.num_relations),
            ("tails", self.tails, self.num_nodes),
        ):
            if len(values) and (values.min() < 0 or values.max() >= limit):
                raise ShapeError(f"{name} must lie in 0..{limit - 1}", where=f"Triples.{name}")

    @classmethod
    def empty(cls, num_nodes: int) -> Triples:
        """A graph of ``num_nodes`` nodes and no edge."""
        return cls([], [], [], num_nodes=num_nodes, num_relations=0)

    def __len__(self) -> int:
        return len(self.heads)

    def __repr__(self) -> str:
        return f"Triples({len(self)} triples, {self.num_nodes} nodes, {self.num_relations} relations)"

    @cached_property
    def adjacency(self) -> Adjacency:
        """Both directions of all edges, by node; built when first used. Self-loops are left out."""
        rows = np.flatnonzero(self.heads != self.tails)
        here = np.concatenate([self.heads[rows], self.tails[rows]])
        there = np.concatenate([self.tails[rows], self.heads[rows]])
        relation = np.concatenate([self.relations[rows], self.relations[rows] + self.num_relations])
        order = np.argsort(here, kind="stable")
        indptr = np.zeros(self.num_nodes + 1, dtype=np.int64)
        np.cumsum(np.bincount(here, minlength=self.num_nodes), out=indptr[1:])
        return Adjacency(indptr, there[order], relation[order], np.concatenate([rows, rows])[order])

    @cached_property
    def _by_relation(self) -> tuple[Ints, Ints]:
        order = np.argsort(self.relations, kind="stable")
        return order, np.searchsorted(self.relations[order], np.arange(self.num_relations + 1))

    def rows_of_relation(self, relation: int) -> Ints:
        """Triples of a relation, ascending, ``(n,)``; all relations together are read once."""
        order, starts = self._by_relation
        return order[starts[relation] : starts[relation + 1]]

    def degrees(self) -> Ints:
        """Half-edges of each node, ``(nodes,)``."""
        return np.diff(self.adjacency.indptr)

    def select(self, keep: Bools) -> Triples:
        """The graph with those triples alone; nodes and relations keep their numbers."""
        return Triples(
            self.heads[keep],
            self.relations[keep],
            self.tails[keep],
            num_nodes=self.num_nodes,
            num_relations=self.num_relations,
        )

    def with_nodes(self, num_nodes: int) -> Triples:
        """The graph with more nodes, which have no edge; what was built of it stays built."""
        made = Triples(
            self.heads, self.relations, self.tails, num_nodes=num_nodes, num_relations=self.num_relations
        )
        if "adjacency" in self.__dict__:
            more = np.full(num_nodes - self.num_nodes, self.adjacency.indptr[-1])
            made.adjacency = self.adjacency._replace(indptr=np.concatenate([self.adjacency.indptr, more]))
        return made

    def extended(self, heads: npt.ArrayLike, relations: npt.ArrayLike, tails: npt.ArrayLike) -> Triples:
        """The graph with more triples behind its own; where both directions are at hand, they are not sorted anew.

        Args:
            heads: ``(more,)``, as all three among the nodes and relations that there are.
            relations: ``(more,)``.
            tails: ``(more,)``.
        """
        more = Triples(heads, relations, tails, num_nodes=self.num_nodes, num_relations=self.num_relations)
        made = Triples(
            np.concatenate([self.heads, more.heads]),
            np.concatenate([self.relations, more.relations]),
            np.concatenate([self.tails, more.tails]),
            num_nodes=self.num_nodes,
            num_relations=self.num_relations,
        )
        if "adjacency" in self.__dict__:
            made.adjacency = self._spliced(more)
        return made

    def _spliced(self, more: Triples) -> Adjacency:
        """The adjacency with the half-edges of further triples, each where a fresh one would have it."""
        known, new = self.adjacency, more.adjacency
        here = np.repeat(np.arange(self.num_nodes), np.diff(new.indptr))
        # At each node those stand first that it is the head of.
        nodes = np.unique(here)
        owner, at = self.half_edges(nodes)
        headed = np.bincount(owner, weights=known.relation[at] < self.num_relations, minlength=len(nodes))
        middle = known.indptr[nodes] + headed.astype(np.int64)
        ends = known.indptr[here + 1]
        place = np.where(new.relation < self.num_relations, middle[np.searchsorted(nodes, here)], ends)
        return Adjacency(
            known.indptr + new.indptr,
            np.insert(known.neighbour, place, new.neighbour),
            np.insert(known.relation, place, new.relation),
            np.insert(known.triple, place, new.triple + len(self)),
        )

    def with_relations(self, num_relations: int) -> Triples:
        """The graph with more relations, which no edge has yet."""
        if num_relations == self.num_relations:
            return self
        return Triples(
            self.heads, self.relations, self.tails, num_nodes=self.num_nodes, num_relations=num_relations
        )

    def half_edges(self, rows: npt.ArrayLike) -> tuple[Ints, Ints]:
        """The half-edges of some nodes.

        Returns:
            Position in ``rows`` and position in the adjacency, each ``(half_edges,)``.
        """
        nodes = np.asarray(rows, dtype=np.int64).reshape(-1)
        start = self.adjacency.indptr[nodes]
        count = self.adjacency.indptr[nodes + 1] - start
        return spread(start, count)

    def neighbours(self, row: int) -> Ints:
        """Different nodes one edge away, ascending, ``(n,)``."""
        span = slice(self.adjacency.indptr[row], self.adjacency.indptr[row + 1])
        return np.unique(self.adjacency.neighbour[span])

    def neighbourhood(self, rows: Sequence[int] | Ints, hops: int) -> Ints:
        """Nodes at most ``hops`` edges away from any of ``rows``, these included, ascending, ``(n,)``."""
        seen = np.zeros(self.num_nodes, dtype=np.bool_)
        front = np.unique(np.asarray(rows, dtype=np.int64))
        seen[front] = True
        for _ in range(hops):
            _, at = self.half_edges(front)
            reached = np.unique(self.adjacency.neighbour[at])
            front = reached[~seen[reached]]
            if not len(front):
                break
            seen[front] = True
        return np.flatnonzero(seen)

    def paths(self, a: int, b: int, max_hops: int, *, limit: int = 10) -> list[list[tuple[int, int, int]]]:
        """Shortest paths between two nodes; see `chiasm_graph.paths.shortest_paths`."""
        from chiasm_graph.paths import shortest_paths

        return shortest_paths(self, a, b, max_hops, limit=limit)
