"""A space's vectors seen by entity: the bridge from item ids to rows of the replica."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from chiasm.search.replica import Bools, Ints, Replica
from chiasm.spaces import View

__all__ = ["Column"]

Floats = npt.NDArray[np.float32]


class Column:
    """One space at one generation, aligned with one replica; immutable.

    A space that is held as a matrix is scored as a whole. A larger one gives candidates by its indexes, which
    are then scored exactly.

    Args:
        view: The space.
        replica: The entities.
    """

    def __init__(self, view: View, replica: Replica) -> None:
        self.view = view
        self.replica = replica
        self.large = bool(view.indexed)
        self.of_assets = view.kind in ("text", "image", "audio")
        ids, self._matrix = _items(view)
        rows = replica.rows_of_assets(ids) if self.of_assets else replica.rows_of(ids)
        order = np.argsort(rows, kind="stable")
        # Items of entities that the replica does not (or no longer) know stand first and are skipped.
        self._order = order[np.searchsorted(rows[order], 0) :]
        self._rows = rows[self._order]
        self._ids = ids[self._order]
        self._owners, self._starts = np.unique(self._rows, return_index=True)
        # One item an entity, in the order of the matrix: nothing to gather.
        self._plain = len(self._owners) == len(ids) and np.array_equal(self._order, np.arange(len(ids)))

    @cached_property
    def present(self) -> Bools:
        """Whether each entity has an item here, ``(rows,)``."""
        mask = np.zeros(len(self.replica), dtype=np.bool_)
        mask[self._owners] = True
        return mask

    def items_of(self, row: int) -> Floats:
        """Vectors of an entity's items, ``(items, dim)``."""
        span = slice(*np.searchsorted(self._rows, [row, row + 1]))
        return self.view.vectors(self._ids[span])

    def values(self, query: Floats, rows: Ints | None = None) -> Floats:
        """Greatest cosine of a query to the items of each entity, ``(rows of the replica,)``.

        Args:
            query: Unit vector, ``(dim,)``.
            rows: Entities that matter; the others may be left out.

        Returns:
            NaN where an entity has no item, or was left out.
        """
        found = np.full(len(self.replica), np.nan, dtype=np.float32)
        if not len(self._order):
            return found
        if self._matrix is None:
            return self._some_values(found, query, np.arange(len(self.replica)) if rows is None else rows)
        scores = self._matrix @ query
        if not self._plain:
            scores = np.maximum.reduceat(scores[self._order], self._starts)
        found[self._owners] = scores
        return found

    def candidates(self, query: Floats, k: int, allowed: Bools) -> Ints:
        """Entities of the ``k`` best items among the allowed entities, ``(n,)``."""
        mine = allowed[self._rows]
        only = None if mine.all() else self._ids[mine]
        _, ids = self.view.search(query[None], min(k, len(self.view) or 1), allowed=only)
        rows = self.replica.rows_of_assets(ids[0]) if self.of_assets else self.replica.rows_of(ids[0])
        return np.unique(rows[rows >= 0])

    def _some_values(self, found: Floats, query: Floats, rows: Ints) -> Floats:
        wanted = np.zeros(len(self.replica), dtype=np.bool_)
        wanted[rows] = True
        items = np.flatnonzero(wanted[self._rows])
        if len(items):
            scores = self.view.vectors(self._ids[items]) @ query
            owners, starts = np.unique(self._rows[items], return_index=True)
            found[owners] = np.maximum.reduceat(scores, starts)
        return found


def _items(view: View) -> tuple[Ints, Floats | None]:
    if not view.indexed:
        return view.all()
    parts = (*view.cached, *view.indexed)
    return np.sort(np.concatenate([part.ids for part in parts])), None
