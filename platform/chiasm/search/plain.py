"""Queries that ask for the nearest items of one space and nothing more: answered without an array over all entities."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from chiasm.search.asked import Asked
from chiasm.search.column import Column, Floats
from chiasm.search.query import MAX_K, Query
from chiasm.search.reciprocal import reciprocal_rank
from chiasm.search.replica import Bools
from chiasm.search.state import State
from chiasm.spaces import Selection

__all__ = ["Nearest", "PlainQuery", "nearest", "plain_query", "undemanding"]

#: Of an entity's several items only the best counts: so many times more are asked for when they are too few.
_GROWTH = 4
#: What late fusion makes of a single list, by place.
_PLACES = tuple(map(reciprocal_rank, range(MAX_K)))


class PlainQuery(NamedTuple):
    """The one vector that is looked for, and where."""

    column: Column
    modality: str
    vector: Floats
    #: The entity that is the query, if it is one.
    own: int | None
    k: int


class Nearest(NamedTuple):
    """The best entities, best first."""

    modality: str
    rows: list[int]
    cosines: list[float]
    #: Whether there are more.
    more: bool
    scores: Sequence[float]


def plain_query(state: State, query: Query, asked: Sequence[Asked]) -> PlainQuery | None:
    """The query as such a one; None if it is another."""
    if state.folder is not None or not undemanding(query, asked):
        return None
    known = {kind: items for kind, items in asked[0].features.items() if kind in state.columns}
    if len(known) != 1:
        return None
    ((modality, items),) = known.items()
    if len(items) != 1 or not len(state.columns[modality].view):
        return None
    return PlainQuery(state.columns[modality], modality, items[0], asked[0].row, query.k)


def undemanding(query: Query, asked: Sequence[Asked]) -> bool:
    """Whether it asks by one positive part for the first page of hits, best first, and nothing about them."""
    others = (query.match, query.group_by, query.cursor)
    return (
        len(asked) == 1
        and asked[0].part.weight > 0
        and all(one is None for one in others)
        and query.strategy == "mix"
        and not (query.diversity > 0 or query.explain)
    )


def nearest(queries: Mapping[int, PlainQuery], allowed: Bools, filters: Hashable) -> dict[int, Nearest]:
    """What is nearest to each of some queries of one filter, by their numbers.

    Args:
        queries: By number.
        allowed: Entities that pass the filter, ``(rows,)``.
        filters: Stands for the filter.
    """
    found: dict[int, Nearest] = {}
    columns = {id(one.column): one.column for one in queries.values()}
    for column in columns.values():
        mine = {number: one for number, one in queries.items() if one.column is column}
        # One more says whether there are more.
        count = max(one.k + 1 + (one.own is not None) for one in mine.values())
        found |= _of_column(column, mine, column.filtered(filters, allowed), count)
    return found


def _of_column(
    column: Column, queries: Mapping[int, PlainQuery], selection: Selection | None, count: int
) -> dict[int, Nearest]:
    most = len(column.view)
    count = min(count, most)
    vectors = np.stack([one.vector for one in queries.values()])
    scores, ids = column.view.search(vectors, count, selection=selection)
    rows = column.rows_of_items(ids)
    if column.single and rows.min() >= 0:
        found = rows.tolist(), scores.tolist()
        return {
            number: _first(one, *best) for (number, one), *best in zip(queries.items(), *found, strict=True)
        }
    whole: dict[int, Nearest] = {}
    short: dict[int, PlainQuery] = {}
    for place, (number, one) in enumerate(queries.items()):
        known = _owners(rows[place].tolist(), scores[place].tolist())
        best = _first(one, list(known), list(known.values()))
        # Several items of one entity took the places of others.
        if not best.more and count < most and rows[place, -1] >= 0:
            short[number] = one
        else:
            whole[number] = best
    return whole | _of_column(column, short, selection, count * _GROWTH) if short else whole


def _owners(rows: Sequence[int], cosines: Sequence[float]) -> dict[int, float]:
    """Entities that are known, and the cosine of the best item of each."""
    known: dict[int, float] = {}
    for row, cosine in zip(rows, cosines, strict=True):
        if row >= 0:
            known.setdefault(row, cosine)
    return known


def _first(one: PlainQuery, rows: list[int], cosines: list[float]) -> Nearest:
    if one.own is not None and one.own in rows:
        at = rows.index(one.own)
        del rows[at], cosines[at]
    return Nearest(
        one.modality, rows[: one.k], cosines[: one.k], len(rows) > one.k, _PLACES[: min(one.k, len(rows))]
    )
