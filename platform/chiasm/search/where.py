"""Conditions evaluated on the replica: what SQL would answer, in a fraction of its time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chiasm.catalog.filters import (
    And,
    Attribute,
    Builtin,
    Compare,
    Contains,
    Exists,
    Filter,
    In,
    Modality,
    Not,
    Or,
)
from chiasm.origins import GIVEN
from chiasm.search.attributes import AttributeColumn
from chiasm.search.replica import Bools, Replica

__all__ = ["NotColumnarError", "rows_where"]


class NotColumnarError(Exception):
    """A condition that columns do not answer: SQL has to."""


def rows_where(
    tree: Filter, replica: Replica, column: Callable[[tuple[str, ...]], AttributeColumn | None]
) -> Bools:
    """Rows that satisfy a condition, ``(rows,)``.

    Args:
        tree: The condition.
        replica: The entities.
        column: Gives the column of an attribute, or None where there can be none.

    Raises:
        NotColumnarError: Parts of it need SQL.
    """
    return _Evaluator(replica, column).rows(tree)


class _Evaluator:
    def __init__(self, replica: Replica, column: Callable[[tuple[str, ...]], AttributeColumn | None]) -> None:
        self._replica, self._given = replica, column

    def rows(self, tree: Filter) -> Bools:
        match tree:
            case And(items):
                return np.logical_and.reduce([self.rows(item) for item in items])
            case Or(items):
                return np.logical_or.reduce([self.rows(item) for item in items])
            case Not(item):
                return ~self.rows(item)
            case Compare(field, "!=", value):
                return ~self._equals(field, value)
            case Compare(field, "==", value):
                return self._equals(field, value)
            case Compare(Attribute(path), op, value) if value is not None:
                return self._column(path).compare(op, value)
            case In(field, values):
                none = np.zeros(len(self._replica), dtype=np.bool_)
                return np.logical_or.reduce([none, *(self._equals(field, value) for value in values)])
            case Contains(Attribute(path), value):
                return self._column(path).contains(value)
            case Exists(Attribute(path)):
                return self._column(path).present()
            # SQL knows stated edges alone.
            case Exists(Modality("graph")) if self._replica.origins == GIVEN:
                return self._replica.linked | self._looped()
            case Exists(Modality(name)) if name != "graph":
                return self._replica.has[name]
        raise NotColumnarError(str(tree))

    def _equals(self, field: Attribute | Builtin, value: object) -> Bools:
        if isinstance(field, Attribute):
            column = self._column(field.path)
            return ~column.present() if value is None else column.compare("==", value)  # type: ignore[arg-type]
        if field.name == "domain":
            return self._of_domain(value)
        if field.name == "key" and isinstance(value, str):
            mask = np.zeros(len(self._replica), dtype=np.bool_)
            row = self._replica.find(value)
            if row is not None:
                mask[row] = True
            return mask
        raise NotColumnarError(field.name)

    def _of_domain(self, value: object) -> Bools:
        if value is None:
            return np.asarray(self._replica.domains < 0)
        names = self._replica.domain_names
        code = names.index(value) if isinstance(value, str) and value and value in names else -2
        return np.asarray(self._replica.domains == code)

    def _looped(self) -> Bools:
        """Rows with an edge to themselves, which counts as one here."""
        graph, mask = self._replica.graph, np.zeros(len(self._replica), dtype=np.bool_)
        mask[graph.heads[graph.heads == graph.tails]] = True
        return mask

    def _column(self, path: tuple[str, ...]) -> AttributeColumn:
        column = self._given(path)
        if column is None:
            raise NotColumnarError(".".join(path))
        return column
