"""IVF over 4-bit product codes scanned in registers (fast scan: André et al., 2015), refined from the block."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import numpy as np

from chiasm.spaces.kinds.base import Effort, Floats, Halves, IndexKind, Ints, blocks_of, faiss_module

__all__ = ["IvfPqIndexKind"]

_LISTS = 3.0
#: Rows a list that the centroids are trained on; more costs time and gains nothing that could be measured.
_TRAIN_ROWS = 40
_MAX_TRAIN_ROWS = 200_000
_ROUNDS = 8
#: Dimensions a 4-bit code stands for.
_CODE_DIMS = 4
_SEED = 1234


class IvfPqIndexKind(IndexKind):
    """About dim / 8 + 12 bytes a row; candidates are scored from the block."""

    name: ClassVar[str] = "ivfpq"
    roams: ClassVar[bool] = False
    depths: ClassVar[tuple[int, ...]] = (2, 3, 4, 6, 8, 12, 16, 24, 32)

    def build(self, block: Halves) -> Any:
        """Trained on a sample, then filled a bounded number of rows at a time."""
        faiss = faiss_module()
        rows, dim = block.shape
        lists = _lists(rows)
        codes = max(1, dim // _CODE_DIMS)
        while dim % codes:
            codes -= 1
        index = faiss.index_factory(dim, f"IVF{lists},PQ{codes}x4fs", faiss.METRIC_INNER_PRODUCT)
        index.cp.niter, index.cp.seed = _ROUNDS, _SEED
        for clustering in (index.cp, index.pq.cp):
            clustering.min_points_per_centroid = 1  # no warning: a small segment is no mistake
        sample = _sample(rows, min(_TRAIN_ROWS * lists, _MAX_TRAIN_ROWS))
        index.train(np.ascontiguousarray(block[sample], dtype=np.float32))
        for _, vectors in blocks_of(block):
            index.add(vectors)
        return index

    def attached(self, index: Any, flat: Any) -> Any:
        """The codes with the view behind them."""
        return _Refined(faiss_module().IndexRefine(index, flat), index, flat)

    def search(
        self, index: Any, queries: Floats, k: int, effort: Effort, selector: Any = None
    ) -> tuple[Floats, Ints]:
        """The best ``k`` by the block of the best ``k * depth`` by code."""
        faiss = faiss_module()
        # A selector is read from the parameters of the lists; those of the refinement would drop it in silence.
        lists = faiss.SearchParametersIVF(nprobe=effort.breadth, sel=selector)
        params = faiss.IndexRefineSearchParameters(k_factor=float(effort.depth), base_index_params=lists)
        scores, rows = index.refined.search(queries, k, params=params)
        scores[rows < 0] = -np.inf
        return scores, rows

    def candidates(self, index: Any, queries: Floats, k: int, effort: Effort, selector: Any = None) -> Ints:
        """The best ``k * depth`` by code."""
        params = faiss_module().SearchParametersIVF(nprobe=effort.breadth, sel=selector)
        found: Ints = index.codes.search(queries, k * effort.depth, params=params)[1]
        return found

    def breadths(self, rows: int) -> list[int]:
        """Few lists to all."""
        lists = _lists(rows)
        return sorted({min(lists, round(2 ** (step / 2))) for step in range(4, 2 * lists.bit_length() + 1)})

    def cost(self, rows: int, dim: int, k: int, effort: Effort) -> float:
        """Centroids in order, codes of the lists, and rows here and there."""
        lists = _lists(rows)
        codes = rows * min(1.0, effort.breadth / lists) * dim * 0.02
        return 0.3 * lists * dim + codes + k * effort.depth * (dim + 100.0)


def _lists(rows: int) -> int:
    return max(1, min(int(_LISTS * math.sqrt(rows)), rows // 2))


class _Refined(NamedTuple):
    """The three live together: FAISS keeps no reference to what an index is made of."""

    refined: Any
    codes: Any
    flat: Any


def _sample(rows: int, wanted: int) -> Ints:
    if wanted >= rows:
        return np.arange(rows)
    chosen = np.random.default_rng(_SEED).choice(rows, size=wanted, replace=False)
    return np.sort(chosen)
