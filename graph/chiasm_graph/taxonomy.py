"""Predicates that form hierarchies: which ones do, what lies above and below a node, and what is circular.

All of it is over arrays, a level at a time: no recursion, and a cycle ends like everything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from chiasm_graph.errors import GraphError
from chiasm_graph.spans import spread
from chiasm_graph.triples import Bools, Ints, Triples

__all__ = ["Hierarchy", "Shape", "find_hierarchies", "shape_of"]

#: What a predicate must have to be taken for a hierarchy: the share of children with one parent, the share of edges in
#: no cycle, the levels below its roots, the children a parent has on average, and edges.
_FUNCTIONAL, _ACYCLIC, _DEPTH, _BRANCHING, _EDGES = 0.8, 0.9, 2, 1.2, 4


@dataclass(frozen=True)
class Shape:
    """How much a relation, read one way, is like a tree."""

    relation: int
    #: Whether heads are the children, as in `part_of`; else tails are, as in `has_part`.
    upward: bool
    edges: int
    #: Share of children that have one parent.
    functional: float
    #: Share of edges that lie in no cycle.
    acyclic: float
    #: Levels below the roots.
    depth: int
    roots: int
    #: Children of a parent, on average.
    branching: float

    @property
    def is_hierarchy(self) -> bool:
        """Whether it is one that nobody has to declare."""
        return (
            self.functional >= _FUNCTIONAL
            and self.acyclic >= _ACYCLIC
            and self.depth >= _DEPTH
            and self.branching >= _BRANCHING
            and self.edges >= _EDGES
        )


class Hierarchy:
    """Parents and children by one relation; a child may have several parents.

    Args:
        graph: Where the relation stands.
        relation: Its number.
        upward: Whether heads are the children.

    Raises:
        GraphError: There is no such relation.
    """

    def __init__(self, graph: Triples, relation: int, *, upward: bool = True) -> None:
        if not 0 <= relation < graph.num_relations:
            raise GraphError(f"there is no relation {relation}", where="Hierarchy")
        rows = graph.rows_of_relation(relation)
        rows = rows[graph.heads[rows] != graph.tails[rows]]
        self.relation, self.upward, self.num_nodes = relation, upward, graph.num_nodes
        ends = (graph.heads[rows], graph.tails[rows])
        pairs = np.unique(np.stack(ends if upward else ends[::-1]), axis=1)
        #: Both ``(edges,)``; each pair once, ascending by child.
        self.children: Ints = pairs[0]
        self.parents: Ints = pairs[1]

    @cached_property
    def _up(self) -> Ints:
        """Where the edges of each node as a child begin, ``(nodes + 1,)``."""
        return _starts(self.children, self.num_nodes)

    @cached_property
    def _down(self) -> tuple[Ints, Ints]:
        """Where the children of each node begin, and the children, ``(nodes + 1,)`` and ``(edges,)``."""
        order = np.argsort(self.parents, kind="stable")
        return _starts(self.parents, self.num_nodes), self.children[order]

    @cached_property
    def functional(self) -> float:
        """Share of children that have one parent."""
        parents = np.unique(self.children, return_counts=True)[1]
        return float((parents == 1).mean()) if len(parents) else 0.0

    def ancestors(self, node: int) -> tuple[Ints, Ints]:
        """What lies above a node, the nearest first, and how many steps away, both ``(n,)``."""
        return _reached(node, self._up, self.parents)

    def subtree(self, node: int) -> tuple[Ints, Ints]:
        """What lies below a node, the nearest first, and how many steps away, both ``(n,)``."""
        starts, children = self._down
        return _reached(node, starts, children)

    def lowest_common(self, one: int, other: int) -> Ints:
        """Nodes above both (or they themselves) that are the fewest steps away, ascending, ``(n,)``."""
        above = [np.concatenate([[node], self.ancestors(node)[0]]) for node in (one, other)]
        steps = [np.concatenate([[0], self.ancestors(node)[1]]) for node in (one, other)]
        shared, first, second = np.intersect1d(above[0], above[1], return_indices=True)
        if not len(shared):
            return shared.astype(np.int64)
        away = steps[0][first] + steps[1][second]
        return shared[away == away.min()]

    @cached_property
    def levels(self) -> Ints:
        """The longest way from a root to each node, ``(nodes,)``; -1 in and below cycles, and for strangers."""
        return _levels(self.children, self.parents, self.num_nodes)

    @cached_property
    def untangled(self) -> Ints:
        """The longest way from a root to each node without the edges of cycles, ``(nodes,)``; -1 for strangers."""
        keep = ~self.circular
        return _levels(self.children[keep], self.parents[keep], self.num_nodes)

    @cached_property
    def circular(self) -> Bools:
        """Edges within a cycle, ``(edges,)``."""
        group = np.full(self.num_nodes, -1, dtype=np.int64)
        for number, cycle in enumerate(self.cycles()):
            group[cycle] = number
        return (group[self.children] >= 0) & (group[self.children] == group[self.parents])

    def cycles(self) -> list[list[int]]:
        """Nodes that lie above themselves, those of one another together, each ascending."""
        import networkx as nx

        left = (self.levels[self.children] < 0) & (self.levels[self.parents] < 0)
        knot: nx.DiGraph[int] = nx.DiGraph()
        knot.add_edges_from(zip(self.children[left].tolist(), self.parents[left].tolist(), strict=True))
        return sorted(sorted(part) for part in nx.strongly_connected_components(knot) if len(part) > 1)


def shape_of(graph: Triples, relation: int, *, upward: bool = True) -> Shape:
    """How much a relation, read one way, is like a tree."""
    return _shape(Hierarchy(graph, relation, upward=upward))


def _shape(tree: Hierarchy) -> Shape:
    edges = len(tree.children)
    return Shape(
        relation=tree.relation,
        upward=tree.upward,
        edges=edges,
        functional=tree.functional,
        acyclic=1.0 - float(tree.circular.mean()) if edges else 0.0,
        depth=int(tree.untangled.max(initial=0)),
        roots=int((tree.untangled == 0).sum()),
        branching=edges / max(len(np.unique(tree.parents)), 1),
    )


def find_hierarchies(graph: Triples) -> list[Shape]:
    """Relations that are hierarchies, each the way that is more like a tree, by number."""
    found = []
    for relation in range(graph.num_relations):
        both = [Hierarchy(graph, relation, upward=upward) for upward in (True, False)]
        # Levels and cycles cost as much as the graph has nodes: only of what may be one.
        likely = [tree for tree in both if len(tree.children) >= _EDGES and tree.functional >= _FUNCTIONAL]
        trees = [shape for shape in map(_shape, likely) if shape.is_hierarchy]
        if trees:
            found.append(max(trees, key=lambda one: (one.functional, one.branching)))
    return found


def _levels(children: Ints, parents: Ints, num_nodes: int) -> Ints:
    """A level at a time: a node's turn comes when all its parents had theirs."""
    waiting = np.bincount(children, minlength=num_nodes)
    starts, below = _starts(parents, num_nodes), children[np.argsort(parents, kind="stable")]
    level = np.full(num_nodes, -1, dtype=np.int64)
    front = np.flatnonzero((waiting == 0) & (np.diff(starts) > 0))
    depth = 0
    while len(front):
        level[front] = depth
        reached, count = np.unique(_children_of(front, starts, below), return_counts=True)
        waiting[reached] -= count
        front, depth = reached[waiting[reached] == 0], depth + 1
    return level


def _starts(nodes: Ints, num_nodes: int) -> Ints:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(nodes, minlength=num_nodes))])


def _children_of(front: Ints, starts: Ints, ends: Ints) -> Ints:
    """What the edges of some nodes lead to, ``(edges,)``."""
    return ends[spread(starts[front], starts[front + 1] - starts[front])[1]]


def _reached(node: int, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    seen = np.zeros(len(starts) - 1, dtype=np.bool_)
    seen[node] = True
    front = np.array([node], dtype=np.int64)
    found, steps = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    while len(front):
        below = np.unique(_children_of(front, starts, ends))
        front = below[~seen[below]]
        seen[front] = True
        found.append(front)
        steps.append(np.full(len(front), len(found) - 1, dtype=np.int64))
    return np.concatenate(found), np.concatenate(steps)
