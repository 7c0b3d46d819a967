"""The live rows of a space at one generation: immutable, so that any number of threads may search it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chiasm.errors import DimensionError
from chiasm.spaces.kinds.base import Bools, Floats, Ints
from chiasm.spaces.segment import SegmentFile

__all__ = ["Part", "View"]

#: Below this share of a segment, exact products with the allowed rows beat a selector inside the index.
_EXACT_SHARE = 0.1
#: Up to so many dead rows are skipped by asking the index for more; beyond, by a selector.
_MAX_EXTRA = 64


@dataclass(frozen=True)
class Part:
    """The live rows of one segment."""

    segment: SegmentFile
    #: Live rows in the segment, ascending, ``(live,)``.
    rows: Ints
    #: Their ids, ascending, ``(live,)``.
    ids: Ints
    #: FAISS index, opened only for segments searched by it.
    index: Any = None

    def vectors(self, rows: Ints | None = None) -> Floats:
        """Vectors of some rows of the segment, of all live ones by default, ``(n, dim)``."""
        self.segment.check_map()
        block = self.segment.block
        if rows is None and len(self.rows) == len(block):
            return np.asarray(block, dtype=np.float32)
        return np.asarray(block[self.rows if rows is None else rows], dtype=np.float32)

    def search(self, queries: Floats, k: int, allowed: Ints | None) -> tuple[Floats, Ints]:
        """The best ``k`` live items; an index's candidates are rescored from the block."""
        live = self.ids if allowed is None else np.intersect1d(self.ids, allowed, assume_unique=True)
        total = len(self.segment.ids)
        if len(live) <= max(k, total * _EXACT_SHARE):
            return best_of(queries, live, self.vectors(self.segment.rows_of(live)), k)
        kind = self.segment.kind
        dead = total - len(live)
        wanted = min(k * kind.oversample, total)
        if allowed is None and dead <= _MAX_EXTRA:
            found = kind.search(self.index, queries, min(wanted + dead, total))[1]
            found = np.where(np.isin(found, live), found, -1)
        else:
            found = kind.search(self.index, queries, wanted, live)[1]
        return self._rescored(queries, found, k)

    def _rescored(self, queries: Floats, found: Ints, k: int) -> tuple[Floats, Ints]:
        scores = np.full(found.shape, -np.inf, dtype=np.float32)
        for row, (query, ids) in enumerate(zip(queries, found, strict=True)):
            known = ids >= 0
            scores[row, known] = self.vectors(self.segment.rows_of(ids[known])) @ query
        return top(scores, found, k)


@dataclass(frozen=True)
class View:
    """What a space holds at one generation.

    Args:
        cached: Segments that are searched together as one matrix.
        indexed: Large segments, each searched by its index.
    """

    space_id: int
    kind: str
    stamp: str
    dim: int
    generation: int
    cached: Sequence[Part] = ()
    indexed: Sequence[Part] = ()

    def __len__(self) -> int:
        return sum(len(part.ids) for part in (*self.cached, *self.indexed))

    @cached_property
    def ids(self) -> Ints:
        """All live items, ascending, ``(rows,)``."""
        return np.sort(
            np.concatenate([np.zeros(0, np.int64), *(p.ids for p in (*self.cached, *self.indexed))])
        )

    @cached_property
    def _matrix(self) -> tuple[Ints, Floats]:
        return _stacked(self.cached, self.dim)

    def search(
        self, queries: Floats, k: int, *, allowed: Ints | None = None, mask: Bools | None = None
    ) -> tuple[Floats, Ints]:
        """The best ``k`` items of each query.

        Args:
            queries: Unit vectors, ``(n, dim)``.
            k: How many, at least 1.
            allowed: Ids that may be found; None for all.
            mask: Which of `ids` may be found, ``(rows,)``; None for all.

        Returns:
            Cosines and ids, each ``(n, k)``, best first, equal ones by id; padded with -inf and -1.

        Raises:
            DimensionError: The queries have another dimension than the space.
        """
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise DimensionError(
                f"query vectors of shape {queries.shape}, the space has {self.dim} dimensions",
                where=f"space {self.space_id} ({self.kind})",
                remedy="give vectors of the space's own model",
            )
        only = None if allowed is None else np.unique(np.asarray(allowed, dtype=np.int64))
        if mask is not None:
            only = self.ids[mask] if only is None else np.intersect1d(self.ids[mask], only)
        ids, matrix = self._matrix
        if only is not None and len(ids):
            keep = np.flatnonzero(np.isin(ids, only, assume_unique=True))
            ids, matrix = ids[keep], matrix[keep]
        answers = [best_of(queries, ids, matrix, k)]
        answers += [part.search(queries, k, only) for part in self.indexed]
        scores = np.concatenate([answer[0] for answer in answers], axis=1)
        return top(scores, np.concatenate([answer[1] for answer in answers], axis=1), k)

    def vectors(self, ids: Ints) -> Floats:
        """Vectors of items, ``(n, dim)``; NaN rows where an item is not in the space."""
        wanted = np.asarray(ids, dtype=np.int64).reshape(-1)
        found = np.full((len(wanted), self.dim), np.nan, dtype=np.float32)
        known, matrix = self._matrix
        at, here = _positions(known, wanted)
        found[here] = matrix[at]
        for part in self.indexed:
            at, here = _positions(part.ids, wanted)
            found[here] = part.vectors(part.rows[at])
        return found

    def all(self) -> tuple[Ints, Floats]:
        """All live items: ids ascending ``(rows,)`` and vectors ``(rows, dim)``; not to be written to."""
        return _stacked((*self.cached, *self.indexed), self.dim) if self.indexed else self._matrix


def best_of(queries: Floats, ids: Ints, matrix: Floats, k: int) -> tuple[Floats, Ints]:
    """Exact search of a matrix: the best ``k`` rows of each query, padded."""
    scores = queries @ matrix.T  # (n, dim) x (dim, rows) -> (n, rows)
    return top(scores, np.broadcast_to(ids, scores.shape), k)


def top(scores: Floats, ids: Ints, k: int) -> tuple[Floats, Ints]:
    """The best ``k`` columns of each row, best first, equal ones by id; padded with -inf and -1."""
    width = scores.shape[1]
    if width > k:
        at = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        scores, ids = np.take_along_axis(scores, at, 1), np.take_along_axis(ids, at, 1)
    order = np.lexsort((ids, -scores), axis=1)
    scores, ids = np.take_along_axis(scores, order, 1), np.take_along_axis(ids, order, 1)
    short = max(k - width, 0)
    scores = np.pad(scores, ((0, 0), (0, short)), constant_values=-np.inf)
    ids = np.pad(ids, ((0, 0), (0, short)), constant_values=-1)
    return scores, np.where(np.isneginf(scores), -1, ids)


def _stacked(parts: Sequence[Part], dim: int) -> tuple[Ints, Floats]:
    if not parts:
        return np.zeros(0, dtype=np.int64), np.zeros((0, dim), dtype=np.float32)
    ids = np.concatenate([part.ids for part in parts])
    order = np.argsort(ids)
    matrix = np.empty((len(ids), dim), dtype=np.float32)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    start = 0
    for part in parts:
        matrix[place[start : start + len(part.ids)]] = part.vectors()
        start += len(part.ids)
    return ids[order], matrix


def _positions(known: Ints, wanted: Ints) -> tuple[Ints, Ints]:
    """Where the wanted ids stand in ``known``, and which of the wanted those are."""
    if not len(known):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    at = np.searchsorted(known, wanted)
    at[at == len(known)] = 0
    here = np.flatnonzero(known[at] == wanted)
    return at[here], here
