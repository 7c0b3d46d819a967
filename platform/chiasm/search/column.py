"""A space's vectors seen by entity: the bridge from item ids to rows of the replica."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from chiasm.search.query import MODALITIES
from chiasm.search.replica import Bools, Ints, Replica
from chiasm.spaces import Selection, View

__all__ = ["Column"]

Floats = npt.NDArray[np.float32]
#: Filters whose items are kept.
_MAX_SELECTIONS = 32


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
        self.large = view.large
        #: Row of the entity of each of the view's items, -1 where the replica does not (or no longer) know it.
        self._item_rows = _rows_of_items(view, replica)
        order = _ascending(self._item_rows)
        kept = order[np.searchsorted(self._item_rows[order], 0) :]
        self._rows = self._item_rows[kept]
        self._ids = view.ids[kept]
        first = np.ones(len(kept), dtype=np.bool_)
        first[1:] = self._rows[1:] != self._rows[:-1]
        self._starts = np.flatnonzero(first)
        self._owners = self._rows[self._starts]
        self._kept = kept
        #: Whether no entity has several.
        self.single = len(self._owners) == len(self._rows)
        self._selections: dict[Hashable, Selection | None] = {}

    @cached_property
    def present(self) -> Bools:
        """Whether each entity has an item here, ``(rows,)``."""
        mask = np.zeros(len(self.replica), dtype=np.bool_)
        mask[self._owners] = True
        return mask

    @cached_property
    def _matrix(self) -> tuple[Floats, Ints | None]:
        """Of a view that is no large one: all rows of its matrix, and which are our items; None: the same."""
        matrix, at = self.view.held()
        mine = at[self._kept]
        same = len(mine) == len(matrix) and bool((mine == np.arange(len(mine))).all())
        return matrix, None if same else mine

    def items_of(self, row: int) -> Floats:
        """Vectors of an entity's items, ``(items, dim)``."""
        span = slice(*np.searchsorted(self._rows, [row, row + 1]))
        if self.large:
            return self.view.vectors(self._ids[span])
        matrix, at = self._matrix
        return matrix[span if at is None else at[span]]

    def values(self, queries: Floats, rows: Ints | None = None) -> Floats:
        """Greatest cosine of each query to the items of each entity, ``(queries, rows of the replica)``.

        Args:
            queries: Unit vectors, ``(queries, dim)``.
            rows: Entities that matter; the others may be left out.

        Returns:
            NaN where an entity has no item, or was left out.
        """
        found = np.full((len(queries), len(self.replica)), np.nan, dtype=np.float32)
        if not len(self._rows):
            return found
        if self.large:
            return self._some_values(found, queries, np.arange(len(self.replica)) if rows is None else rows)
        matrix, at = self._matrix
        # (items, dim) x (dim, q) -> (q, items): this way round takes half as long.
        scores = (matrix @ queries.T).T
        if at is not None:
            scores = scores[:, at]
        found[:, self._owners] = scores if self.single else np.maximum.reduceat(scores, self._starts, axis=1)
        return found

    def vectors_of(self, rows: Ints) -> tuple[Floats, Ints]:
        """Of a small space with one item an entity: the vectors of those among some entities that have one.

        Args:
            rows: Ascending, ``(n,)``.

        Returns:
            The vectors, ``(m, dim)``, and the rows that they are of, ``(m,)``.
        """
        matrix, at = self._matrix
        _, mine, known = np.intersect1d(self._owners, rows, assume_unique=True, return_indices=True)
        return matrix[mine if at is None else at[mine]], rows[known]

    def candidates(self, query: Floats, k: int, allowed: Bools | None = None) -> Ints:
        """Entities of the ``k`` best items among the allowed entities (None: all), ``(n,)``."""
        mask = self._of_anybody if allowed is None else self.mask(allowed)
        _, ids = self.view.search(query[None], min(k, len(self.view) or 1), mask=mask)
        rows = self.rows_of_items(ids[0])
        return np.unique(rows[rows >= 0])

    @cached_property
    def _of_anybody(self) -> Bools | None:
        return self.mask(np.ones(len(self.replica), dtype=np.bool_))

    def mask(self, allowed: Bools) -> Bools | None:
        """Which of the view's items are of allowed entities, ``(items,)``; None if all are."""
        # One more, for items whose entity is not known.
        mine = np.append(allowed, False)[self._item_rows]
        return None if mine.all() else mine

    def filtered(self, filters: Hashable, allowed: Bools) -> Selection | None:
        """As `mask`, made ready and kept for the next query with the same filter.

        Args:
            filters: Stands for the filter that `allowed` is of.
            allowed: Entities that pass it.
        """
        try:
            return self._selections[filters]
        except KeyError:
            mask = self.mask(allowed)
        selection = None if mask is None else self.view.select(mask)
        if len(self._selections) >= _MAX_SELECTIONS:
            self._selections.clear()
        self._selections[filters] = selection
        return selection

    def rows_of_items(self, ids: Ints) -> Ints:
        """Row of the entity of each of the view's items, ``(*any,)``; -1 for -1, and where it is not known."""
        at = np.searchsorted(self.view.ids, ids)
        return np.where(ids < 0, -1, self._item_rows[np.minimum(at, len(self._item_rows) - 1)])

    def _some_values(self, found: Floats, queries: Floats, rows: Ints) -> Floats:
        wanted = np.zeros(len(self.replica), dtype=np.bool_)
        wanted[rows] = True
        items = np.flatnonzero(wanted[self._rows])
        if len(items):
            scores = queries @ self.view.vectors(self._ids[items]).T
            owners, starts = np.unique(self._rows[items], return_index=True)
            found[:, owners] = np.maximum.reduceat(scores, starts, axis=1)
        return found


def _rows_of_items(view: View, replica: Replica) -> Ints:
    if view.kind not in MODALITIES:
        return replica.rows_of(view.ids)
    mine = replica.asset_kinds == MODALITIES.index(view.kind)
    # As a rule all assets of the modality are embedded, and nothing else.
    if np.array_equal(view.ids, replica.asset_ids[mine]):
        return replica.asset_rows[mine].astype(np.int64)
    return replica.rows_of_assets(view.ids)


def _ascending(rows: Ints) -> Ints:
    """What sorts the rows, equal ones in their order; quick where they are in order."""
    if len(rows) < 2 or bool((rows[1:] >= rows[:-1]).all()):
        return np.arange(len(rows))
    return np.argsort(rows, kind="stable")
