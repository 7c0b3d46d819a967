"""Exact search: a flat scan of the block itself."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from chiasm.spaces.kinds.base import Effort, Floats, Halves, IndexKind, Ints, faiss_module, flat_view

__all__ = ["ExactIndexKind", "scan"]


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
        return 0.5 * rows * dim


def scan(flat: Any, queries: Floats, k: int, selector: Any = None) -> tuple[Floats, Ints]:
    """The best ``k`` rows of a flat view, or of those that a selector names; padded with -inf and -1.

    A flat index ignores a selector in any class of parameters but the base class.
    """
    params = None if selector is None else faiss_module().SearchParameters(sel=selector)
    scores, rows = flat.search(queries, k, params=params)
    scores[rows < 0] = -np.inf
    return scores, rows
