"""A graph with names, literals, origins and confidences, as columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm_graph.errors import ShapeError
from chiasm_graph.store.columns import Columns
from chiasm_graph.store.names import Names
from chiasm_graph.store.relation_index import RelationIndex
from chiasm_graph.store.values import value_of
from chiasm_graph.triples import Triples

__all__ = ["DEFAULT_ORIGIN", "Said", "TripleTable"]

#: Of a statement about whose origin its file says nothing: it is a row of a table.
DEFAULT_ORIGIN = "table"


class Said(NamedTuple):
    """One statement with names."""

    head: str
    relation: str
    #: None where the object is a literal.
    tail: str | None
    #: The literal as JSON, else None.
    value: Any
    origin: str
    confidence: float


@dataclass(frozen=True)
class TripleTable:
    """Statements over numbered nodes, relations, values and origins; immutable, and maybe memory-mapped.

    A literal's value is JSON; what RDF says more of it is kept as ``{"value": "Hund", "lang": "de"}`` or
    ``{"value": "2001-01-01", "type": IRI}``.

    Args:
        nodes: Name of each node.
        relations: Name of each relation.
        edges: Statements between nodes.
        literals: Statements whose tails are numbers of ``values``.
        values: JSON of each value.
        origins: Name of each origin.

    Raises:
        ShapeError: A number stands for nothing.
    """

    nodes: Names
    relations: Names
    edges: Columns
    literals: Columns = field(default_factory=lambda: Columns.of([], [], []))
    values: Names = field(default_factory=lambda: Names.of(()))
    origins: tuple[str, ...] = (DEFAULT_ORIGIN,)

    def __post_init__(self) -> None:
        for kind, columns, ends in (
            ("edges", self.edges, self.nodes),
            ("literals", self.literals, self.values),
        ):
            for name, column, limit in (
                ("heads", columns.heads, len(self.nodes)),
                ("relations", columns.relations, len(self.relations)),
                ("tails", columns.tails, len(ends)),
                ("origins", columns.origins, len(self.origins)),
            ):
                if len(column) and (int(column.min()) < 0 or int(column.max()) >= limit):
                    raise ShapeError(f"{name} must lie in 0..{limit - 1}", where=f"TripleTable.{kind}")

    def __len__(self) -> int:
        return self.edges.size + self.literals.size

    def __repr__(self) -> str:
        return (
            f"TripleTable({self.edges.size} edges, {self.literals.size} literals, {len(self.nodes)} nodes, "
            f"{len(self.relations)} relations)"
        )

    def __iter__(self) -> Iterator[Said]:
        """All statements by name: edges, then literals; for writers and tests, not for speed."""
        for columns, literal in ((self.edges, False), (self.literals, True)):
            lists = [column.tolist() for column in columns]
            for head, relation, tail, origin, confidence in zip(*lists, strict=True):
                yield Said(
                    self.nodes[head],
                    self.relations[relation],
                    None if literal else self.nodes[tail],
                    value_of(self.values[tail]) if literal else None,
                    self.origins[origin],
                    confidence,
                )

    @cached_property
    def triples(self) -> Triples:
        """The edges for walking and learning; built when first used."""
        return Triples(
            self.edges.heads,
            self.edges.relations,
            self.edges.tails,
            num_nodes=len(self.nodes),
            num_relations=len(self.relations),
        )

    @cached_property
    def by_head(self) -> RelationIndex:
        """Tails of each relation's heads (CSR a relation); built when first used, mapped where it is kept."""
        return RelationIndex.build(
            self.edges.relations, self.edges.heads, self.edges.tails, len(self.relations)
        )

    @cached_property
    def by_tail(self) -> RelationIndex:
        """Heads of each relation's tails (CSC a relation)."""
        return RelationIndex.build(
            self.edges.relations, self.edges.tails, self.edges.heads, len(self.relations)
        )

    def distinct(self) -> TripleTable:
        """Each statement once, where it first stood; origin and confidence are those said last."""
        return replace(
            self,
            edges=_distinct(self.edges, len(self.nodes)),
            literals=_distinct(self.literals, len(self.values)),
        )


def _distinct(columns: Columns, num_tails: int) -> Columns:
    if not columns.size:
        return columns
    order = _stable_order(columns, num_tails)
    new = np.zeros(columns.size, dtype=np.bool_)
    new[0] = True
    for column in columns[:3]:
        sorted_column = column[order]
        new[1:] |= sorted_column[1:] != sorted_column[:-1]
    if new.all():
        return columns
    starts = np.flatnonzero(new)
    first, last = order[starts], order[np.append(starts[1:], columns.size) - 1]
    return columns.take(last[np.argsort(first)])


def _stable_order(columns: Columns, num_tails: int) -> npt.NDArray[np.intp]:
    heads = int(columns.heads.max()) + 1
    if (int(columns.relations.max()) + 1) * heads * num_tails < 2**62:
        # One key sorts several times as fast as three.
        key = (columns.relations.astype(np.int64) * heads + columns.heads) * num_tails + columns.tails
        return np.argsort(key, kind="stable")
    return np.lexsort((columns.tails, columns.heads, columns.relations))
