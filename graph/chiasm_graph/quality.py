"""What is wrong with a graph, as far as it tells by itself: statements that go against what nearly all others do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chiasm_graph.taxonomy import Hierarchy, find_hierarchies
from chiasm_graph.triples import Bools, Ints, Triples

__all__ = ["Flaw", "find_flaws"]

#: A habit counts from so many cases on, and where at least this share keeps it.
_CASES, _HABIT = 20, 0.95


@dataclass(frozen=True)
class Flaw:
    """Statements that do not go together, or one that stands alone."""

    #: several_values, both_ways, self_loop, cycle or dangling.
    kind: str
    #: Rows of the triples.
    triples: tuple[int, ...]
    #: How sure it is that something is wrong, 0 to 1: the share of other cases that keep to the habit.
    confidence: float


def find_flaws(graph: Triples, dangling: Bools) -> Iterator[Flaw]:
    """All flaws, a kind after the other.

    Args:
        graph: The statements.
        dangling: Nodes that are only named by others, ``(nodes,)``.
    """
    for relation in range(graph.num_relations):
        rows = graph.rows_of_relation(relation)
        if len(rows):
            yield from _several_values(graph, rows)
            yield from _both_ways(graph, rows)
            yield from _loops(graph, rows)
    yield from _cycles(graph)
    yield from _dangling(graph, dangling)


def _several_values(graph: Triples, rows: Ints) -> Iterator[Flaw]:
    """Subjects with several objects of a relation that nearly always has one."""
    owners, counts = np.unique(graph.heads[rows], return_counts=True)
    share = float((counts == 1).mean())
    if len(owners) < _CASES or share < _HABIT:
        return
    order = np.argsort(graph.heads[rows], kind="stable")
    starts = np.cumsum(counts) - counts
    for at in np.flatnonzero(counts > 1).tolist():
        yield Flaw("several_values", _rows(rows[order[starts[at] : starts[at] + counts[at]]]), share)


def _both_ways(graph: Triples, rows: Ints) -> Iterator[Flaw]:
    """Pairs that a relation joins both ways, though it nearly always joins them one way."""
    heads, tails = graph.heads[rows], graph.tails[rows]
    here, there = heads * graph.num_nodes + tails, tails * graph.num_nodes + heads
    _, first, second = np.intersect1d(here, there, return_indices=True)
    ways = first[heads[first] < tails[first]]
    share = 1.0 - 2 * len(ways) / len(rows)
    if len(rows) < _CASES or share < _HABIT:
        return
    back = dict(zip(first.tolist(), second.tolist(), strict=True))
    for at in ways.tolist():
        yield Flaw("both_ways", _rows(rows[[at, back[at]]]), share)


def _loops(graph: Triples, rows: Ints) -> Iterator[Flaw]:
    loops = rows[graph.heads[rows] == graph.tails[rows]]
    share = 1.0 - len(loops) / len(rows)
    # Of a relation with few statements one loop is as odd as of one with many.
    if share >= 0.5:
        yield from (Flaw("self_loop", (int(row),), share) for row in loops)


def _cycles(graph: Triples) -> Iterator[Flaw]:
    for shape in find_hierarchies(graph):
        tree = Hierarchy(graph, shape.relation, upward=shape.upward)
        for cycle in tree.cycles():
            rows = graph.rows_of_relation(shape.relation)
            heads, tails = graph.heads[rows], graph.tails[rows]
            inside = np.isin(heads, cycle) & np.isin(tails, cycle) & (heads != tails)
            yield Flaw("cycle", _rows(rows[inside]), shape.acyclic)


def _dangling(graph: Triples, dangling: Bools) -> Iterator[Flaw]:
    """Nodes that nothing is known of but one statement: a slip of the pen, or a record that is still to come."""
    alone = np.flatnonzero(dangling & (graph.degrees() == 1))
    rows = np.sort(graph.adjacency.triple[graph.adjacency.indptr[alone]])
    total = int(dangling.sum())
    # The rarer such nodes are among those that are only named, the odder is one.
    confidence = 1.0 - len(alone) / total if total else 0.0
    yield from (Flaw("dangling", (int(row),), confidence) for row in rows)


def _rows(rows: Ints) -> tuple[int, ...]:
    return tuple(sorted(rows.tolist()))
