"""Exact search: a flat scan of the block itself."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from chiasm.spaces.kinds.base import Effort, Floats, Halves, IndexKind, Ints, faiss_module, flat_view

__all__ = ["ExactIndexKind", "gather_cost", "scan", "scan_cost"]

#: In dimensions of float32 multiplied, as `IndexKind.cost` (some .24 ns each on the machine of docs/benchmarks.md): to
#: copy a row from anywhere, to pass over one in order.
_FETCH, _PASS = 60.0, 8.0
#: A dimension of a row of fp16 that is multiplied as it is read.
_READ = 0.5


class ExactIndexKind(IndexKind):
    """Inner products with every row; the block is all there is."""

    name: ClassVar[str] = "exact"
    stored: ClassVar[bool] = False

    def build(self, block: Halves) -> Any:
        """A view of the block."""
        return flat_view(block)

    def attached(self, index: Any, flat: Any) -> Any:
        """The view."""
        return flat

    def search(
        self, index: Any, queries: Floats, k: int, effort: Effort, selector: Any = None
    ) -> tuple[Floats, Ints]:
        """The best ``k`` rows."""
        return scan(index, queries, k, selector)

    def breadths(self, rows: int) -> list[int]:
        """There is one way to look at everything."""
        return [1]

    def cost(self, rows: int, dim: int, k: int, effort: Effort) -> float:
        """Every row, in order."""
        return _READ * rows * dim


def gather_cost(passing: int, dim: int, queries: int = 1) -> float:
    """As `IndexKind.cost`, of copying the rows that pass a filter and scanning these."""
    return passing * (_FETCH + queries * dim * _READ)


def scan_cost(rows: int, passing: int, dim: int, queries: int = 1) -> float:
    """As `IndexKind.cost`, of a scan that passes over the other rows."""
    return queries * (rows * _PASS + passing * dim * _READ)


def scan(flat: Any, queries: Floats, k: int, selector: Any = None) -> tuple[Floats, Ints]:
    """The best ``k`` rows of a flat view, or of those that a selector names; padded with -inf and -1.

    A flat index ignores a selector in any class of parameters but the base class.
    """
    params = None if selector is None else faiss_module().SearchParameters(sel=selector)
    scores, rows = flat.search(queries, k, params=params)
    scores[rows < 0] = -np.inf
    return scores, rows
