"""Statements as parallel arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm_graph.errors import ShapeError

__all__ = ["Columns"]

Int32s = npt.NDArray[np.int32]


class Columns(NamedTuple):
    """``(head, relation, tail, origin, confidence)`` of each statement, 21 bytes of them."""

    #: (n,) int32, number of the node
    heads: Int32s
    #: (n,) int32
    relations: Int32s
    #: (n,) int32: a node, or a value where the statements are literals
    tails: Int32s
    #: (n,) uint8, number of the origin's name
    origins: npt.NDArray[np.uint8]
    #: (n,) float64 in [0, 1]
    confidences: npt.NDArray[np.float64]

    @classmethod
    def of(
        cls,
        heads: npt.ArrayLike,
        relations: npt.ArrayLike,
        tails: npt.ArrayLike,
        origins: npt.ArrayLike | None = None,
        confidences: npt.ArrayLike | None = None,
    ) -> Columns:
        """Columns of the right kinds; without more, of the first origin and sure.

        Raises:
            ShapeError: Lengths differ, a number does not fit, or a confidence is none.
        """
        ends: tuple[Int32s, ...] = tuple(_narrow(values, np.int32) for values in (heads, relations, tails))
        size = len(ends[0])
        origin = np.zeros(size, np.uint8) if origins is None else _narrow(origins, np.uint8)
        sure = np.ones(size) if confidences is None else np.asarray(confidences, np.float64).reshape(-1)
        if {len(values) for values in (*ends, origin, sure)} != {size}:
            raise ShapeError("columns differ in length", where="Columns")
        if size and not (sure.min() >= 0.0 and sure.max() <= 1.0):
            raise ShapeError("a confidence must lie in 0..1", where="Columns.confidences")
        return cls(ends[0], ends[1], ends[2], origin, sure)

    @property
    def size(self) -> int:
        """How many statements."""
        return len(self.heads)

    def take(self, rows: Any) -> Columns:
        """Some of them, in that order: numbers ``(m,)``, a mask ``(n,)`` or a slice."""
        return Columns(*(column[rows] for column in self))


def _narrow(values: npt.ArrayLike, kind: Any) -> Any:
    array = np.asarray(values).reshape(-1)
    if array.dtype == kind:
        return array
    limits = np.iinfo(kind)
    if len(array) and (array.min() < limits.min or array.max() > limits.max):
        raise ShapeError(f"a number does not fit {np.dtype(kind).name}", where="Columns")
    return array.astype(kind)
