"""From queries to hits, all against one state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain, islice, repeat
from typing import Any, NamedTuple, cast

import numpy as np

from chiasm.catalog import Catalog
from chiasm.errors import within
from chiasm.hit import Hit
from chiasm.models import ModelCache
from chiasm.search.allowed import allowed_rows
from chiasm.search.asked import Asked, of_batch, resolve
from chiasm.search.cursor import Place, place_of, word_of
from chiasm.search.explain import explain
from chiasm.search.late import LateScorer
from chiasm.search.lexical import WordScorer, matching_rows
from chiasm.search.page import Page, page_of
from chiasm.search.plain import Nearest, PlainQuery, nearest, plain_query
from chiasm.search.query import MAX_K, Query
from chiasm.search.replica import Bools, Ints
from chiasm.search.scorer import Scorer, Scores
from chiasm.search.stages import count, stage
from chiasm.search.state import State
from chiasm.search.stored import StoredQuery, stored_nearest, stored_query
from chiasm.search.taste import NearestScorer, centre
from chiasm.search.threads import one_thread

__all__ = ["Answer", "answered"]

#: What a plain query is filtered by.
_ANYBODY = ("plain",)
#: The columns of one; the quickest way to make a named tuple.
_hit: Callable[[Iterable[Any]], Hit] = partial(tuple.__new__, Hit)


class Answer(NamedTuple):
    """The hits of one query."""

    hits: Sequence[Hit] = ()
    warnings: Sequence[str] = ()
    #: Makes the cursor of the hits after these; None if there are none.
    cursor: Callable[[], str] | None = None


def answered(state: State, catalog: Catalog, models: ModelCache, queries: Sequence[Query]) -> list[Answer]:
    """The answer to each query.

    Raises:
        ChiasmError: As `Searcher.search`.
    """
    with stage("encode"):
        resolved = resolve(state, models, queries)
    found: dict[int, Answer] = {}
    plain: dict[Any, dict[int, PlainQuery]] = {}
    stored: dict[Any, dict[int, StoredQuery]] = {}
    masks: dict[Any, Bools] = {}
    for number, (query, (asked, warnings)) in enumerate(zip(queries, resolved, strict=True)):
        with within(of_batch(number, len(queries))):
            one, other = plain_query(state, query, asked), stored_query(state, query, asked)
            with stage("candidates"):
                filters = _filters(query)
                if filters not in masks:
                    masks[filters] = _allowed(state, catalog, query, filters)
                allowed = masks[filters]
            if one is not None:
                plain.setdefault(filters, {})[number] = one
                continue
            count("candidates", int(np.count_nonzero(allowed)))
            if other is not None:
                stored.setdefault(filters, {})[number] = other
                continue
            own = [one.row for one in asked if one.row is not None]
            if own:
                allowed = allowed.copy()
                allowed[own] = False
            with one_thread():
                found[number] = _answer(state, catalog, models, query, asked, warnings, allowed)
    warned = [warnings for _, warnings in resolved]
    for filters, some in plain.items():
        with stage("rank"):
            nearby = nearest(some, masks[filters], filters)
        found |= _near_answers(state, queries, warned, nearby)
    for filters, several in stored.items():
        with stage("rank"), one_thread():
            model, often = models.fusion(cast(str, state.folder)), filters if filters == _ANYBODY else None
            nearby = stored_nearest(state, model, several, masks[filters], often)
        found |= _near_answers(state, queries, warned, nearby)
    return [found[number] for number in range(len(queries))]


def _filters(query: Query) -> tuple[Any, ...]:
    if query.plain:
        return _ANYBODY
    return (
        *("allowed", query.into, query.modality, repr(query.where)),
        *(query.near, query.hops, query.path, query.stubs),
    )


def _allowed(state: State, catalog: Catalog, query: Query, filters: tuple[Any, ...]) -> Bools:
    """Entities that pass the filters, not to be written to; kept as long as the replica is."""
    mask = state.masks.get(filters)
    if mask is None:
        mask = allowed_rows(state, catalog, query, [])
        state.remember(filters, mask)
    return mask


def _near_answers(
    state: State,
    queries: Sequence[Query],
    warnings: Sequence[Sequence[str]],
    nearby: Mapping[int, Nearest],
) -> dict[int, Answer]:
    """The answers, by number; all columns are read once for all of them."""
    tops = [best.rows for best in nearby.values()]
    made = iter(
        _made(
            state,
            np.array(list(chain.from_iterable(tops)), dtype=np.int64),
            chain.from_iterable(range(1, len(top) + 1) for top in tops),
            chain.from_iterable(best.scores for best in nearby.values()),
            [{best.modality: cosine} for best in nearby.values() for cosine in best.cosines],
        )
    )
    found = {}
    for number, best in nearby.items():
        query, count = queries[number], len(best.rows)
        more = best.more and query.k < MAX_K
        cursor = _cursor(state, query, best.rows[-1], best.scores[-1], count) if more else None
        found[number] = Answer(list(islice(made, count)), warnings[number], cursor)
    return found


def _cursor(state: State, query: Query, row: int, score: float, offset: int) -> Callable[[], str]:
    """Makes the cursor behind so many hits, of which the last one is given: most are never asked for."""
    end = Place(offset, state.replica.ids.item(row), score)
    return partial(word_of, end, state.workspace_id, state.release, query)


def _answer(
    state: State,
    catalog: Catalog,
    models: ModelCache,
    query: Query,
    asked: Sequence[Asked],
    warnings: Sequence[str],
    allowed: Bools,
) -> Answer:
    place = None
    if query.cursor is not None:
        place = place_of(query.cursor, state.workspace_id, state.release, query)
    scorer = _scorer(state, catalog, models, query, asked, allowed) if allowed.any() else None
    if scorer is None:
        return Answer(warnings=warnings)
    with stage("rank"):
        scores = np.where(allowed, scorer.scores(allowed), np.nan)
    page = page_of(state, catalog, scores, query, place)
    hits = _hits(state, scorer, scores, page, explained=query.explain)
    if not page.more:
        return Answer(hits, warnings)
    last = int(page.rows[-1])
    return Answer(hits, warnings, _cursor(state, query, last, float(scores[last]), page.offset + len(hits)))


def _scorer(
    state: State, catalog: Catalog, models: ModelCache, query: Query, asked: Sequence[Asked], allowed: Bools
) -> Scorer | None:
    """Who scores; None where nothing of the query can be used."""
    usable = [one for one in asked if one.usable]
    by_parts = any(one.part.weight > 0 for one in usable)
    inner = _part_scorer(state, models, query, usable) if by_parts else None
    if query.match is None:
        return inner
    return WordScorer(inner, state, matching_rows(state, catalog, query.match, allowed), query)


def _part_scorer(state: State, models: ModelCache, query: Query, asked: Sequence[Asked]) -> Scorer:
    if query.strategy == "best":
        return NearestScorer(state, asked)
    if query.strategy == "average":
        asked = [centre(asked)]
    if state.folder is None:
        return LateScorer(state, asked)
    from chiasm.search.fused import FusedScorer

    return FusedScorer(state, asked, models.fusion(state.folder))


def _hits(state: State, scorer: Scorer, scores: Scores, page: Page, *, explained: bool) -> list[Hit]:
    rows = page.rows.tolist()
    with stage("explain"):
        whys = explain(scorer, rows) if explained else None
    return _made(
        state,
        page.rows,
        range(page.offset + 1, page.offset + 1 + len(rows)),
        scores[page.rows].tolist(),
        scorer.cosines(rows),
        groups=page.groups,
        whys=whys,
    )


def _made(
    state: State,
    rows: Ints,
    ranks: Iterable[int],
    scores: Iterable[float],
    cosines: Iterable[dict[str, float]],
    *,
    groups: Iterable[Any] | None = None,
    whys: Iterable[dict[str, Any]] | None = None,
) -> list[Hit]:
    """Hits at some rows, all columns of the replica read once."""
    replica, nothing = state.replica, repeat(None)
    kinds, codes = state.judged_on
    columns = zip(
        ranks,
        replica.keys.at(rows),
        map(replica.domain_at.__getitem__, replica.domains[rows].tolist()),
        replica.titles.at(rows),
        scores,
        [list(kinds[code]) for code in codes[rows].tolist()],
        cosines,
        nothing if groups is None else groups,
        nothing if whys is None else whys,
        # Endless ones among them.
        strict=False,
    )
    return list(map(_hit, columns))
