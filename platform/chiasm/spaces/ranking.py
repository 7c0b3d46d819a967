"""The best rows of score matrices."""

from __future__ import annotations

import numpy as np

from chiasm.spaces.kinds.base import Floats, Ints

__all__ = ["best_of", "ordered", "padded", "top"]


def best_of(queries: Floats, ids: Ints, matrix: Floats, k: int) -> tuple[Floats, Ints]:
    """Exact search of a matrix: the best ``k`` rows of each query, padded."""
    scores = queries @ matrix.T  # (n, dim) x (dim, rows) -> (n, rows)
    return top(scores, np.broadcast_to(ids, scores.shape), k)


def top(scores: Floats, ids: Ints, k: int) -> tuple[Floats, Ints]:
    """The best ``k`` columns of each row, best first, equal ones by id; padded with -inf and -1."""
    if scores.shape[1] > k:
        at = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        scores, ids = np.take_along_axis(scores, at, 1), np.take_along_axis(ids, at, 1)
    order = np.lexsort((ids, -scores), axis=1)
    return padded(np.take_along_axis(scores, order, 1), np.take_along_axis(ids, order, 1), k)


def ordered(scores: Floats, ids: Ints, k: int) -> tuple[Floats, Ints]:
    """As `top`, of columns that are best first already; equal ones may stand in any order."""
    if scores.shape[1] == k and not (scores[:, 1:] == scores[:, :-1]).any():
        return scores, ids
    return top(scores, ids, k)


def padded(scores: Floats, ids: Ints, k: int) -> tuple[Floats, Ints]:
    """With so many columns, and without ids where nothing was found."""
    short = k - scores.shape[1]
    if short > 0:
        scores = np.pad(scores, ((0, 0), (0, short)), constant_values=-np.inf)
        ids = np.pad(ids, ((0, 0), (0, short)), constant_values=-1)
    return scores, np.where(np.isneginf(scores), -1, ids)
