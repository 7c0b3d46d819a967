"""Small segments side by side in memory, searched as one matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from chiasm.spaces.chosen import Chosen
from chiasm.spaces.kinds.base import Bools, Floats, Ints
from chiasm.spaces.part import Part
from chiasm.spaces.ranking import best_of, padded, products, top

__all__ = ["Matrix", "MatrixStore"]

#: Below this share, rows that pass are copied out before they are multiplied.
_COPY_SHARE = 0.5
_MIN_ROWS = 1024


@dataclass(frozen=True)
class Matrix:
    """Rows as of one generation; immutable, though its store grows behind it."""

    #: (rows,)
    row_ids: Ints
    #: (rows, dim)
    vectors: Floats
    #: (rows,); None for all.
    alive: Bools | None

    def __len__(self) -> int:
        return len(self.row_ids) if self.alive is None else int(np.count_nonzero(self.alive))

    @cached_property
    def living(self) -> Chosen | None:
        """The rows that are alive; None for all."""
        return None if self.alive is None else Chosen(self.alive)

    def search(self, queries: Floats, k: int, chosen: Chosen | None) -> tuple[Floats, Ints]:
        """The best ``k`` of the rows that are chosen, which are alive; by default of all that are; padded."""
        chosen = chosen or self.living
        if chosen is None:
            return best_of(queries, self.row_ids, self.vectors, k)
        if not chosen.passing:
            return padded(np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64), k)
        if chosen.passing < _COPY_SHARE * len(self.row_ids):
            return best_of(queries, self.row_ids[chosen.rows], self.vectors[chosen.rows], k)
        scores = products(queries, self.vectors)
        scores[:, ~chosen.mask] = -np.inf
        return top(scores, np.broadcast_to(self.row_ids, scores.shape), k)

    def take(self, rows: Ints) -> Floats:
        """Vectors of rows, ``(n, dim)``."""
        return self.vectors[rows]


class MatrixStore:
    """Grows at its end with each new segment, so that a small commit costs as little to follow.

    Args:
        dim: Length of a vector.
    """

    def __init__(self, dim: int) -> None:
        self._dim = dim
        self._ids: Ints = np.empty(0, dtype=np.int64)
        self._vectors: Floats = np.empty((0, dim), dtype=np.float32)
        #: First row of each segment, by folder.
        self._starts: dict[Path, int] = {}
        self._used = 0

    def matrix(self, parts: Sequence[Part]) -> Matrix:
        """The live rows of these parts; not to be called by two threads at once."""
        wanted = sum(len(part.row_ids) for part in parts)
        fresh = [part for part in parts if part.segment.folder not in self._starts]
        grown = self._used + sum(len(part.row_ids) for part in fresh)
        if grown > max(2 * wanted, _MIN_ROWS):
            # Most of it is of segments that were merged away.
            self._clear(wanted)
            fresh, grown = list(parts), wanted
        self._reserve(grown)
        for part in fresh:
            self._append(part)
        return Matrix(self._ids[: self._used], self._vectors[: self._used], self._alive(parts, wanted))

    def _alive(self, parts: Sequence[Part], wanted: int) -> Bools | None:
        if wanted == self._used and all(part.alive is None for part in parts):
            return None
        alive = np.zeros(self._used, dtype=np.bool_)
        for part in parts:
            start = self._starts[part.segment.folder]
            alive[start : start + len(part.row_ids)] = True if part.alive is None else part.alive
        return alive

    def _append(self, part: Part) -> None:
        start, stop = self._used, self._used + len(part.row_ids)
        self._vectors[start:stop] = part.segment.vectors()
        self._ids[start:stop] = part.row_ids
        self._starts[part.segment.folder] = start
        self._used = stop

    def _reserve(self, rows: int) -> None:
        if rows > len(self._ids):
            room = max(_MIN_ROWS, 2 * rows)
            # Views that are out there keep the old arrays.
            ids, vectors = np.empty(room, dtype=np.int64), np.empty((room, self._dim), dtype=np.float32)
            ids[: self._used] = self._ids[: self._used]
            vectors[: self._used] = self._vectors[: self._used]
            self._ids, self._vectors = ids, vectors

    def _clear(self, rows: int) -> None:
        self._ids = np.empty(rows, dtype=np.int64)
        self._vectors = np.empty((rows, self._dim), dtype=np.float32)
        self._starts, self._used = {}, 0
