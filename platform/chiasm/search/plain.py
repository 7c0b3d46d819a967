"""Queries that ask for the nearest items of one space and nothing more: answered without an array over all entities."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chiasm.search.asked import Asked
from chiasm.search.column import Column, Floats
from chiasm.search.query import Query
from chiasm.search.reciprocal import reciprocal_rank
from chiasm.search.replica import Bools, Ints
from chiasm.search.state import State

__all__ = ["Nearest", "PlainQuery", "nearest", "plain_query"]

#: Of an entity's several items only the best counts: so many times more are asked for when they are too few.
_GROWTH = 4


@dataclass(frozen=True)
class PlainQuery:
    """The one vector that is looked for, and where."""

    column: Column
    modality: str
    vector: Floats
    #: Entities that are part of the query.
    own: tuple[int, ...]
    #: Hits and one more, which says whether there are more.
    wanted: int


@dataclass(frozen=True)
class Nearest:
    """The best entities, best first."""

    rows: Sequence[int]
    cosines: Sequence[float]

    @property
    def scores(self) -> Sequence[float]:
        """What late fusion makes of a single list."""
        return [reciprocal_rank(place) for place in range(len(self.rows))]


def plain_query(state: State, query: Query, asked: Sequence[Asked]) -> PlainQuery | None:
    """The query as such a one; None if it is another."""
    if state.folder is not None or len(asked) != 1 or asked[0].part.weight <= 0:
        return None
    others = (query.match, query.group_by, query.cursor)
    if any(one is not None for one in others) or query.strategy != "mix":
        return None
    if query.diversity > 0 or query.explain:
        return None
    known = {kind: items for kind, items in asked[0].features.items() if kind in state.columns}
    if len(known) != 1:
        return None
    ((modality, items),) = known.items()
    if len(items) != 1 or not len(state.columns[modality].view):
        return None
    own = () if asked[0].row is None else (asked[0].row,)
    return PlainQuery(state.columns[modality], modality, items[0], own, query.k + 1)


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
        count = max(one.wanted + len(one.own) for one in mine.values())
        found |= _of_column(column, mine, column.filtered(filters, allowed), count)
    return found


def _of_column(
    column: Column, queries: Mapping[int, PlainQuery], mask: Bools | None, count: int
) -> dict[int, Nearest]:
    most = len(column.view)
    count = min(count, most)
    vectors = np.stack([one.vector for one in queries.values()])
    scores, ids = column.view.search(vectors, count, mask=mask)
    found: dict[int, Nearest] = {}
    short: dict[int, PlainQuery] = {}
    rows = column.rows_of_items(ids)
    for place, (number, one) in enumerate(queries.items()):
        best = _best(one, rows[place], scores[place])
        # Several items of one entity took the places of others.
        if len(best.rows) < one.wanted and count < most and rows[place, -1] >= 0:
            short[number] = one
        else:
            found[number] = best
    return found | _of_column(column, short, mask, count * _GROWTH) if short else found


def _best(one: PlainQuery, rows: Ints, scores: Floats) -> Nearest:
    places, cosines = rows.tolist(), scores.tolist()
    # As a rule an entity has one item, and is not the query.
    if not one.own and len(set(places)) == len(places) and places[-1] >= 0:
        return Nearest(places[: one.wanted], cosines[: one.wanted])
    known: dict[int, float] = {}
    for row, score in zip(places, cosines, strict=True):
        if row >= 0 and row not in known and row not in one.own:
            known[row] = score
            if len(known) == one.wanted:
                break
    return Nearest(list(known), list(known.values()))
