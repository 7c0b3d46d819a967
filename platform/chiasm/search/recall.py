"""How much of the exact answer an index gives for a query that somebody asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chiasm.search.asked import Asked
from chiasm.search.column import Floats
from chiasm.search.state import State
from chiasm.spaces import View

__all__ = ["recall_by_space"]

_K = 10
#: Rows compared exactly at a time.
_ROWS = 32_768
#: Items as near as the last of the exact answer are as good.
_TIE = 1e-3


def recall_by_space(state: State, asked: Sequence[Asked]) -> dict[str, float]:
    """Recall@10 in each space that a query's vectors belong to, by kind of space.

    Args:
        state: What was searched.
        asked: The parts as vectors; of entities what they are searched by: the fused vector where there is one.
    """
    vectors: dict[str, list[Floats]] = {}
    for one in asked:
        for kind, found in one.features.items():
            vectors.setdefault(kind, []).append(found)
        if one.fused is not None:
            vectors.setdefault("fused", []).append(one.fused[None])
    return {
        kind: _recall(state.columns[kind].view, np.concatenate(found))
        for kind, found in vectors.items()
        if kind in state.columns and len(state.columns[kind].view)
    }


def _recall(view: View, queries: Floats) -> float:
    k = min(_K, len(view))
    scores, _ = view.search(queries, k)
    return float((scores >= _exact(view, queries, k)[:, -1:] - _TIE).mean())


def _exact(view: View, queries: Floats, k: int) -> Floats:
    """The best ``k`` cosines of each query with every live item, ``(queries, k)``."""
    best = np.full((len(queries), k), -np.inf, dtype=np.float32)
    ids = view.ids
    for start in range(0, len(ids), _ROWS):
        scores = queries @ view.vectors(ids[start : start + _ROWS]).T  # (q, dim) x (dim, rows) -> (q, rows)
        best = -np.sort(-np.concatenate([best, scores], axis=1), axis=1)[:, :k]
    return best
