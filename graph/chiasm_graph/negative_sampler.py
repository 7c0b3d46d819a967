"""Wrong tails, and wrong heads, for many triples at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm_graph.errors import ShapeError
from chiasm_graph.store.relation_index import RelationIndex
from chiasm_graph.triples import Triples

__all__ = ["NegativeSampler", "Negatives"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Negatives(NamedTuple):
    """Nodes in the place of the right ones."""

    #: (triples, count)
    nodes: Ints
    #: (triples, count) False where only true answers were drawn: such a one must not be learned from.
    wrong: Bools


class NegativeSampler:
    """Draws ends that make a triple false as far as the graph says.

    Args:
        graph: Its triples are true.
        typed: Draw from nodes that the relation has at that end, instead of all: "Paris" for a birthplace and not
            "violin". A relation without any triple has no such nodes, and all are drawn from.
        rounds: How often what is true is drawn again before it is given up.

    References:
        Bordes et al. 2013, "Translating Embeddings for Modeling Multi-relational Data", section 2 (corruption);
        Krompass et al. 2015, "Type-Constrained Representation Learning in Knowledge Graphs" (local closed world).
    """

    def __init__(self, graph: Triples, *, typed: bool = False, rounds: int = 8) -> None:
        if not graph.num_nodes:
            raise ShapeError("a graph without nodes has no negatives", where="NegativeSampler")
        self.graph, self.typed, self.rounds = graph, typed, rounds
        ends = [_narrow(ends) for ends in (graph.heads, graph.tails)]
        kinds = _narrow(graph.relations)
        self._by_head = RelationIndex.build(kinds, ends[0], ends[1], graph.num_relations)
        self._by_tail = RelationIndex.build(kinds, ends[1], ends[0], graph.num_relations)

    def tails(
        self, heads: npt.ArrayLike, relations: npt.ArrayLike, count: int, generator: np.random.Generator
    ) -> Negatives:
        """Wrong tails of ``(heads, relations)``, ``(triples,)`` each."""
        return self._drawn(self._by_head, self._by_tail, heads, relations, count, generator)

    def heads(
        self, tails: npt.ArrayLike, relations: npt.ArrayLike, count: int, generator: np.random.Generator
    ) -> Negatives:
        """Wrong heads of ``(relations, tails)``, ``(triples,)`` each."""
        return self._drawn(self._by_tail, self._by_head, tails, relations, count, generator)

    def _drawn(
        self,
        known: RelationIndex,
        ends: RelationIndex,
        nodes: npt.ArrayLike,
        relations: npt.ArrayLike,
        count: int,
        generator: np.random.Generator,
    ) -> Negatives:
        given = np.asarray(nodes, dtype=np.int64).reshape(-1)
        kinds = np.asarray(relations, dtype=np.int64).reshape(-1)
        self._check(given, kinds)
        asked, kind = np.repeat(given, count), np.repeat(kinds, count)
        drawn = np.zeros(len(asked), dtype=np.int64)
        open_ = np.arange(len(asked))
        for _ in range(max(1, self.rounds)):
            drawn[open_] = self._some(ends, kind[open_], generator)
            open_ = open_[_has(known, kind[open_], asked[open_], drawn[open_])]
            if not len(open_):
                break
        wrong = np.ones(len(asked), dtype=np.bool_)
        wrong[open_] = False
        return Negatives(drawn.reshape(-1, count), wrong.reshape(-1, count))

    def _some(self, ends: RelationIndex, kinds: Ints, generator: np.random.Generator) -> Ints:
        if not self.typed:
            return generator.integers(0, self.graph.num_nodes, len(kinds))
        start = ends.starts[kinds]
        size = ends.starts[kinds + 1] - start
        # Where there are none, from all nodes.
        place = generator.integers(0, np.where(size > 0, size, self.graph.num_nodes))
        found = place.copy()
        some = size > 0
        found[some] = ends.nodes[start[some] + place[some]]
        return found

    def _check(self, nodes: Ints, kinds: Ints) -> None:
        if len(nodes) != len(kinds):
            raise ShapeError("nodes and relations differ in length", where="NegativeSampler")
        for name, values, limit in (
            ("nodes", nodes, self.graph.num_nodes),
            ("relations", kinds, self.graph.num_relations),
        ):
            if len(values) and (values.min() < 0 or values.max() >= limit):
                raise ShapeError(f"{name} must lie in 0..{limit - 1}", where="NegativeSampler")


def _has(index: RelationIndex, kinds: Ints, nodes: Ints, others: Ints) -> Bools:
    """Whether the triples are true, ``(n,)``; one look a relation."""
    there = np.zeros(len(kinds), dtype=np.bool_)
    order = np.argsort(kinds, kind="stable")
    present, starts = np.unique(kinds[order], return_index=True)
    for relation, rows in zip(present.tolist(), np.split(order, starts[1:]), strict=True):
        there[rows] = index.has(relation, nodes[rows], others[rows])
    return there


def _narrow(values: Ints) -> npt.NDArray[np.int32]:
    if len(values) and values.max() > np.iinfo(np.int32).max:
        raise ShapeError("more than 2^31 nodes", where="NegativeSampler")
    return values.astype(np.int32)
