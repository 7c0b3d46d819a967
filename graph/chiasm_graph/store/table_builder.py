"""Collects named statements into columns."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

from chiasm_graph.errors import ShapeError
from chiasm_graph.store.columns import Columns
from chiasm_graph.store.names import Names
from chiasm_graph.store.table import DEFAULT_ORIGIN, TripleTable
from chiasm_graph.store.values import text_of

__all__ = ["TableBuilder"]

_MOST_ORIGINS = 256


class _Numbers(dict[str, int]):
    """Names numbered in order of appearance: asking for a new one numbers it."""

    def __missing__(self, name: str) -> int:
        if not name:
            raise ShapeError("an empty name", where="TableBuilder", remedy="name every node and relation")
        number = self[name] = len(self)
        return number


class _Growing:
    def __init__(self) -> None:
        self.ends = tuple(array("i") for _ in range(3))
        self.origins, self.confidences = array("B"), array("d")

    def add(self, head: int, relation: int, tail: int, origin: int, confidence: float) -> None:
        for column, value in zip(self.ends, (head, relation, tail), strict=True):
            column.append(value)
        self.origins.append(origin)
        self.confidences.append(confidence)

    def columns(self) -> Columns:
        heads, relations, tails = (np.array(column, dtype=np.int32) for column in self.ends)
        return Columns.of(
            heads,
            relations,
            tails,
            np.array(self.origins, dtype=np.uint8),
            np.array(self.confidences, dtype=np.float64),
        )


class TableBuilder:
    """Numbers names as they come; one statement or an array of them at a time."""

    def __init__(self) -> None:
        self.nodes, self.relations, self.values = _Numbers(), _Numbers(), _Numbers()
        self.origins = _Numbers({DEFAULT_ORIGIN: 0})
        self._edges, self._literals = _Growing(), _Growing()
        self._blocks: list[Columns] = []
        self._literal_blocks: list[Columns] = []

    def edge(
        self,
        head: str,
        relation: str,
        tail: str,
        *,
        origin: str = DEFAULT_ORIGIN,
        confidence: float = 1.0,
    ) -> None:
        """Add a statement between two nodes."""
        self._edges.add(
            self.nodes[head], self.relations[relation], self.nodes[tail], *self._about(origin, confidence)
        )

    def literal(
        self, head: str, relation: str, value: Any, *, origin: str = DEFAULT_ORIGIN, confidence: float = 1.0
    ) -> None:
        """Add a statement about a value.

        Raises:
            ValueError: The value is no JSON.
        """
        number = self.values[text_of(value)]
        self._literals.add(
            self.nodes[head], self.relations[relation], number, *self._about(origin, confidence)
        )

    def blocks(self, edges: Columns, literals: Columns) -> None:
        """Add statements whose names were numbered here already."""
        self._blocks.append(edges)
        self._literal_blocks.append(literals)

    def finish(self) -> TripleTable:
        """The table: blocks first, then what was added one by one."""
        edges, literals = self._edges.columns(), self._literals.columns()
        return TripleTable(
            Names.of(self.nodes),
            Names.of(self.relations),
            _joined([*self._blocks, edges]),
            _joined([*self._literal_blocks, literals]),
            Names.of(self.values),
            tuple(self.origins),
        )

    def _about(self, origin: str, confidence: float) -> tuple[int, float]:
        if not 0.0 <= confidence <= 1.0:
            raise ShapeError(f"confidence {confidence!r} is not a number from 0 to 1", where="TableBuilder")
        number = self.origins[origin]
        if number >= _MOST_ORIGINS:
            raise ShapeError(
                f"more than {_MOST_ORIGINS} origins",
                where=origin[:80],
                remedy="say it as a statement instead",
            )
        return number, confidence


def _joined(parts: list[Columns]) -> Columns:
    if not parts:
        return Columns.of([], [], [])
    return Columns(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
