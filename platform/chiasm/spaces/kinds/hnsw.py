"""HNSW (Malkov and Yashunin, 2018): a graph over the fp16 rows of the block."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

import numpy as np

from chiasm.spaces.kinds.base import Effort, Floats, Halves, IndexKind, Ints, blocks_of, faiss_module

__all__ = ["HnswIndexKind"]

_LINKS = 32
_BUILD_EFFORT = 80
_BREADTHS = (16, 24, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 512, 768, 1024)
#: Rows that are scored a step of the beam, about: most of a node's 2 x 32 neighbours were seen before.
_STEP_ROWS = 16


class HnswIndexKind(IndexKind):
    """Only the graph goes to the file, about 270 bytes a row; rows are read from the block."""

    name: ClassVar[str] = "hnsw"

    def build(self, block: Halves) -> Any:
        """A graph; it has its own copy of the rows, which is not saved."""
        faiss = faiss_module()
        index = faiss.IndexHNSWSQ(
            block.shape[1], faiss.ScalarQuantizer.QT_fp16, _LINKS, faiss.METRIC_INNER_PRODUCT
        )
        index.hnsw.efConstruction = _BUILD_EFFORT
        index.is_trained = True
        for _, vectors in blocks_of(block):
            index.add(vectors)
        return index

    def io_flags(self, faiss: Any) -> int:
        """The rows are in the block."""
        return int(faiss.IO_FLAG_SKIP_STORAGE)

    def attached(self, index: Any, flat: Any) -> Any:
        """The graph with the view for its rows."""
        index.storage = flat
        index.own_fields = False
        index.referenced_objects = [flat]
        return index

    def search(
        self, index: Any, queries: Floats, k: int, effort: Effort, selector: Any = None
    ) -> tuple[Floats, Ints]:
        """The best ``k`` that the beam came across."""
        breadth = max(effort.breadth, k)
        params = _unfiltered(breadth) if selector is None else _params(breadth, selector)
        scores, rows = index.search(queries, k, params=params)
        scores[rows < 0] = -np.inf
        return scores, rows

    def breadths(self, rows: int) -> list[int]:
        """Beams from narrow to wide."""
        return [breadth for breadth in _BREADTHS if breadth < max(rows, 32)]

    def cost(self, rows: int, dim: int, k: int, effort: Effort) -> float:
        """Rows here and there, and the bookkeeping of the beam."""
        return max(effort.breadth, k) * _STEP_ROWS * (dim + 100.0)


def _params(breadth: int, selector: Any = None) -> Any:
    return faiss_module().SearchParametersHNSW(efSearch=breadth, sel=selector)


@cache
def _unfiltered(breadth: int) -> Any:
    """Searches only read them: any number of threads may share them."""
    return _params(breadth)
