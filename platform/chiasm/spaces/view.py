"""The live rows of a space at one generation: immutable, so that any number of threads may search it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from chiasm.errors import DimensionError, InputError
from chiasm.spaces.chosen import Chosen
from chiasm.spaces.kinds.base import Bools, Floats, Ints
from chiasm.spaces.matrix import Matrix, MatrixStore
from chiasm.spaces.part import Part
from chiasm.spaces.ranking import top

__all__ = ["Part", "Selection", "View"]

#: Which rows of each part of a view are alive and pass a filter.
Selection = Sequence[Chosen]
#: Rows that are copied out of a large segment at a time.
_ROWS = 65_536


@dataclass(frozen=True)
class View:
    """What a space holds at one generation.

    Args:
        cached: Segments that are searched together as one matrix.
        indexed: Large segments, each searched by its index.
        matrix: The rows of the cached segments; made of them where it is not given.
    """

    space_id: int
    kind: str
    stamp: str
    dim: int
    generation: int
    cached: Sequence[Part] = ()
    indexed: Sequence[Part] = ()
    matrix: Matrix | None = None

    def __len__(self) -> int:
        return sum(len(part) for part in (*self.cached, *self.indexed))

    @property
    def large(self) -> bool:
        """Whether it is searched by index rather than as one matrix."""
        return bool(self.indexed)

    @cached_property
    def ids(self) -> Ints:
        """All live items, ascending, ``(n,)``; not to be written to."""
        return self._arranged[0]

    def search(
        self,
        queries: Floats,
        k: int,
        *,
        allowed: Ints | None = None,
        mask: Bools | None = None,
        selection: Selection | None = None,
    ) -> tuple[Floats, Ints]:
        """The best ``k`` items of each query.

        Args:
            queries: Unit vectors, ``(q, dim)``.
            k: How many, at least 1.
            allowed: Ids that may be found; None for all.
            mask: Which of `ids` may be found, ``(n,)``; None for all.
            selection: Likewise, for a filter that is used again; made by `select` of this view.

        Returns:
            Cosines and ids, each ``(q, k)``, best first, equal ones by id; padded with -inf and -1.

        Raises:
            DimensionError: The queries have another dimension than the space, or the mask another length.
            InputError: Nothing is asked for.
        """
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        self._check(queries, k)
        if selection is None and (allowed is not None or mask is not None):
            selection = self._selected(self._mask(allowed, mask))
        pools = self._pools
        if not pools:
            return np.full((len(queries), k), -np.inf, np.float32), np.full((len(queries), k), -1)
        chosen = [None] * len(pools) if selection is None else selection
        answers = [
            pool.search(queries, min(k, len(pool.row_ids)), some)
            for pool, some in zip(pools, chosen, strict=True)
        ]
        if len(answers) == 1 and answers[0][0].shape[1] == k:
            return answers[0]
        scores = np.concatenate([answer[0] for answer in answers], axis=1)
        return top(scores, np.concatenate([answer[1] for answer in answers], axis=1), k)

    def vectors(self, ids: Ints) -> Floats:
        """Vectors of items, ``(n, dim)``; NaN rows where an item is not in the space."""
        wanted = np.asarray(ids, dtype=np.int64).reshape(-1)
        found = np.full((len(wanted), self.dim), np.nan, dtype=np.float32)
        for part in (*self.cached, *self.indexed):
            at, here = _positions(part.row_ids, wanted)
            if part.alive is not None:
                lives = part.alive[at]
                at, here = at[lives], here[lives]
            if len(here):
                found[here] = part.vectors(at)
        return found

    def all(self) -> tuple[Ints, Floats]:
        """All live items: ids ascending ``(n,)`` and vectors ``(n, dim)``; not to be written to."""
        return self.ids, self._stacked

    def held(self) -> tuple[Floats, Ints]:
        """The matrix of a view that is searched as one, ``(rows, dim)``, and the row there of each of `ids`, ``(n,)``.

        It may hold rows of items that are gone; `all` would copy the others.
        """
        if not self._pools:
            return np.zeros((0, self.dim), dtype=np.float32), np.zeros(0, dtype=np.int64)
        [pool] = self._pools
        assert isinstance(pool, Matrix)
        order = self._order
        return pool.vectors, order if pool.alive is None else np.flatnonzero(pool.alive)[order]

    @cached_property
    def _stacked(self) -> Floats:
        ids, places = self._arranged
        found = np.empty((len(ids), self.dim), dtype=np.float32)
        for pool, place in zip(self._pools, places, strict=True):
            if isinstance(pool, Part):
                for start in range(0, len(pool.rows), _ROWS):
                    rows = pool.rows[start : start + _ROWS]
                    found[np.searchsorted(ids, pool.row_ids[rows])] = pool.vectors(rows)
            elif isinstance(place, slice) and pool.alive is None and not self.indexed:
                return pool.vectors
            else:
                found[place] = pool.vectors if pool.alive is None else pool.vectors[pool.alive]
        return found

    @cached_property
    def _pools(self) -> Sequence[Matrix | Part]:
        """What is searched on its own."""
        matrix = self.matrix
        if matrix is None and self.cached:
            matrix = MatrixStore(self.dim).matrix(self.cached)
        return [*([matrix] if matrix is not None and len(self.cached) else []), *self.indexed]

    @cached_property
    def _arranged(self) -> tuple[Ints, list[Ints | slice]]:
        """All live ids, ascending, and the place among them of each live row of each pool."""
        order = self._order
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        stops = np.cumsum([0, *map(len, self._pieces)])
        places = [place[start:stop] for start, stop in pairwise(stops.tolist())]
        ids = np.concatenate(self._pieces) if self._pieces else np.zeros(0, dtype=np.int64)
        return ids[order], [_as_slice(one) for one in places]

    @cached_property
    def _pieces(self) -> list[Ints]:
        """Ids of the live rows of each pool."""
        return [pool.row_ids if pool.alive is None else pool.row_ids[pool.alive] for pool in self._pools]

    @cached_property
    def _order(self) -> Ints:
        """What sorts all live ids, piece by piece as they stand."""
        # Segments are ascending runs: a stable sort merges them.
        return np.argsort(np.concatenate([np.zeros(0, dtype=np.int64), *self._pieces]), kind="stable")

    def select(self, mask: Bools) -> Selection:
        """A filter made ready for more than one search.

        Args:
            mask: Which of `ids` may be found, ``(n,)``.

        Raises:
            DimensionError: The mask has another length.
        """
        return self._selected(self._mask(None, mask))

    def _selected(self, mask: Bools) -> Selection:
        found: list[Chosen] = []
        for pool, places in zip(self._pools, self._arranged[1], strict=True):
            if pool.alive is None:
                found.append(Chosen(mask[places]))
            else:
                chosen = pool.alive.copy()
                chosen[pool.alive] = mask[places]
                found.append(Chosen(chosen))
        return found

    def _mask(self, allowed: Ints | None, mask: Bools | None) -> Bools:
        if mask is not None:
            mask = np.asarray(mask, dtype=np.bool_)
            if mask.shape != self.ids.shape:
                raise DimensionError(
                    f"a mask of shape {mask.shape} for {len(self.ids)} items",
                    where=f"space {self.space_id} ({self.kind})",
                    remedy="make it for the `ids` of the same view",
                )
        if allowed is None:
            assert mask is not None
            return mask
        at, _ = _positions(self.ids, np.asarray(allowed, dtype=np.int64).reshape(-1))
        listed = np.zeros(len(self.ids), dtype=np.bool_)
        listed[at] = True
        return listed if mask is None else listed & mask

    def _check(self, queries: Floats, k: int) -> None:
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise DimensionError(
                f"query vectors of shape {queries.shape}, the space has {self.dim} dimensions",
                where=f"space {self.space_id} ({self.kind})",
                remedy="give vectors of the space's own model",
            )
        if k < 1:
            raise InputError(f"k is {k}", where="search", remedy="ask for at least one")


def _as_slice(places: Ints) -> Ints | slice:
    """A stretch without gaps as a slice, which copies nothing."""
    if len(places) and places[-1] - places[0] == len(places) - 1 and (np.diff(places) == 1).all():
        return slice(int(places[0]), int(places[-1]) + 1)
    return places


def _positions(known: Ints, wanted: Ints) -> tuple[Ints, Ints]:
    """Where the wanted ids stand in ``known``, and which of the wanted those are."""
    if not len(known):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    at = np.searchsorted(known, wanted)
    at[at == len(known)] = 0
    here = np.flatnonzero(known[at] == wanted)
    return at[here], here
