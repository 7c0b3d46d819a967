"""Exact search: a flat scan over fp16 codes."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from chiasm.spaces.kinds.base import Floats, IndexKind, Ints, faiss_module

__all__ = ["ExactIndexKind"]


class ExactIndexKind(IndexKind):
    """Inner products with every row, stored as fp16: the same precision as the feature block."""

    name: ClassVar[str] = "exact"

    def build(self, ids: Ints, vectors: Floats) -> Any:
        """A flat fp16 index that answers with 64-bit ids."""
        faiss = faiss_module()
        flat = faiss.IndexScalarQuantizer(
            vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        index = faiss.IndexIDMap2(flat)
        index.add_with_ids(np.ascontiguousarray(vectors), np.ascontiguousarray(ids))
        return index

    def search(self, index: Any, queries: Floats, k: int, allowed: Ints | None = None) -> tuple[Floats, Ints]:
        """The best ``k``; the selector goes in the base class of parameters, which flat indexes read."""
        params = None
        if allowed is not None:
            faiss = faiss_module()
            # The selector keeps no reference to the ids: both must live until the search returns.
            selector = faiss.IDSelectorBatch(np.ascontiguousarray(allowed, dtype=np.int64))
            params = faiss.SearchParameters(sel=selector)
        scores, ids = index.search(np.ascontiguousarray(queries), k, params=params)
        return np.where(ids < 0, -np.inf, scores).astype(np.float32), ids
