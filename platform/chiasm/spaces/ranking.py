"""The best rows of score matrices."""

from __future__ import annotations

import numpy as np

from chiasm.spaces.kinds.base import Floats, Ints, faiss_module

__all__ = ["best_of", "ordered", "padded", "products", "top"]


def best_of(queries: Floats, ids: Ints, matrix: Floats, k: int) -> tuple[Floats, Ints]:
    """Exact search of a matrix: the best ``k`` rows of each query, padded."""
    scores = products(queries, matrix)
    return top(scores, np.broadcast_to(ids, scores.shape), k)


def products(queries: Floats, matrix: Floats) -> Floats:
    """Inner products of each query with each row, ``(n, dim) x (rows, dim) -> (n, rows)``.

    Of one query on its own thread: BLAS would wait for a team, on a busy machine for long.
    """
    if len(queries) > 1 or not len(matrix) or not matrix.flags.c_contiguous:
        return queries @ matrix.T
    faiss = faiss_module()
    query, scores = np.ascontiguousarray(queries), np.empty((1, len(matrix)), dtype=np.float32)
    pointers = [faiss.swig_ptr(array) for array in (scores, query, matrix)]
    faiss.fvec_inner_products_ny(*pointers, matrix.shape[1], len(matrix))
    return scores


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
