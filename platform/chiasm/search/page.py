"""From scores to the hits of one page: best first, or diverse, or by group; from the start, or after a cursor."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from chiasm.catalog import Catalog
from chiasm.search.cursor import Place
from chiasm.search.diversity import diversified
from chiasm.search.groups import MAX_GROUPED, grouped
from chiasm.search.query import MAX_K, Query
from chiasm.search.replica import Ints
from chiasm.search.scorer import Scores
from chiasm.search.state import State

__all__ = ["Page", "best_rows", "page_of"]


class Page(NamedTuple):
    """Hits, and where they stand."""

    #: (hits,)
    rows: Ints
    #: Value of each hit's group; None where nothing is grouped.
    groups: list[Any] | None
    #: Hits before the first one.
    offset: int
    #: Whether there are hits after the last one.
    more: bool


def page_of(state: State, catalog: Catalog, scores: Scores, query: Query, place: Place | None) -> Page:
    """The hits of a query that stand after a place (None: the first ones).

    All pages together reach as far as the first 1,000 hits.

    Args:
        state: What was searched.
        catalog: Where attributes are read.
        scores: ``(rows,)``, NaN for what is no hit.
        query: How hits are ordered, and how many are wanted.
        place: Where the page before ended.
    """
    wanted = query.k if place is None else MAX_K
    rows, groups = _ordered(state, catalog, scores, query, wanted)
    start = 0 if place is None else _start(state, scores, rows, query, place)
    end = _end(groups, start, query.k, len(rows)) if groups is not None else start + query.k
    end = min(end, MAX_K)
    return Page(
        rows[start:end],
        groups[start:end] if groups is not None else None,
        start if place is None else place.offset,
        start < end < len(rows),
    )


def best_rows(scores: Scores, count: int) -> Ints:
    """Rows of the best scores, best first, equal ones by age, ``(n,)``."""
    rows = np.flatnonzero(~np.isnan(scores))
    if len(rows) > count:
        rows = rows[scores[rows] >= -np.partition(-scores[rows], count - 1)[count - 1]]
    return rows[np.argsort(-scores[rows], kind="stable")][:count]


def _ordered(
    state: State, catalog: Catalog, scores: Scores, query: Query, wanted: int
) -> tuple[Ints, list[Any] | None]:
    """One more than is wanted, which says whether there are more."""
    if query.diversity > 0:
        pool = best_rows(scores, MAX_K)
        count = MAX_K if query.group_by is not None else wanted + 1
        rows = diversified(state, pool, scores[pool], query.diversity, count)
    else:
        rows = best_rows(scores, MAX_GROUPED if query.group_by is not None else wanted + 1)
    if query.group_by is None:
        return rows, None
    return grouped(state, catalog, rows, query.group_by, count=wanted + 1, size=query.group_size)


def _start(state: State, scores: Scores, rows: Ints, query: Query, place: Place) -> int:
    """Position after the last hit; if that is no hit any more, after all that stood before it."""
    last = state.replica.rows_of(np.array([place.entity_id], dtype=np.int64))
    found = np.flatnonzero(rows == last[0])
    if len(found):
        return int(found[0]) + 1
    if query.diversity > 0 or query.group_by is not None:
        return min(place.offset, len(rows))
    return int((scores[rows] > place.score).sum())


def _end(groups: list[Any], start: int, count: int, hits: int) -> int:
    """Where some more groups end."""
    seen = 0
    for at in range(start, hits):
        if at == start or groups[at] != groups[at - 1]:
            seen += 1
        if seen > count:
            return at
    return hits
