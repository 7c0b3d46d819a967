"""From queries to hits, all against one state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain, compress, islice
from typing import Any

import numpy as np

from chiasm.catalog import Catalog
from chiasm.errors import within
from chiasm.models import ModelCache
from chiasm.search.allowed import allowed_rows
from chiasm.search.asked import Asked, of_batch, resolve
from chiasm.search.cursor import Place, place_of, word_of
from chiasm.search.explain import explain
from chiasm.search.late import LateScorer
from chiasm.search.lexical import WordScorer, matching_rows
from chiasm.search.page import Page, page_of
from chiasm.search.plain import Nearest, PlainQuery, nearest, plain_query
from chiasm.search.query import MAX_K, MODALITIES, Query
from chiasm.search.replica import Bools
from chiasm.search.result import Hit
from chiasm.search.scorer import Scorer, Scores
from chiasm.search.stages import count, stage
from chiasm.search.state import State
from chiasm.search.taste import NearestScorer, centre
from chiasm.search.threads import one_thread

__all__ = ["Answer", "answered"]


@dataclass(frozen=True)
class Answer:
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
    masks: dict[Any, Bools] = {}
    for number, (query, (asked, warnings)) in enumerate(zip(queries, resolved, strict=True)):
        with within(of_batch(number, len(queries))):
            one = plain_query(state, query, asked)
            with stage("candidates"):
                filters = _filters(query)
                if filters not in masks:
                    masks[filters] = _allowed(state, catalog, query, filters)
                allowed = masks[filters]
            if one is not None:
                plain.setdefault(filters, {})[number] = one
                continue
            own = [one.row for one in asked if one.row is not None]
            if own:
                allowed = allowed.copy()
                allowed[own] = False
            count("candidates", int(np.count_nonzero(allowed)))
            with one_thread():
                found[number] = _answer(state, catalog, models, query, asked, warnings, allowed)
    for filters, some in plain.items():
        with stage("rank"):
            nearby = nearest(some, masks[filters], filters)
        found |= _plain_answers(state, queries, [warnings for _, warnings in resolved], some, nearby)
    return [found[number] for number in range(len(queries))]


def _filters(query: Query) -> tuple[Any, ...]:
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


def _plain_answers(
    state: State,
    queries: Sequence[Query],
    warnings: Sequence[Sequence[str]],
    plain: Mapping[int, PlainQuery],
    nearby: Mapping[int, Nearest],
) -> dict[int, Answer]:
    """The answers, by number; all columns are read once for all of them."""
    tops = {number: best.rows[: queries[number].k] for number, best in nearby.items()}
    made = _made(
        state,
        list(chain.from_iterable(tops.values())),
        [score for number, top in tops.items() for score in nearby[number].scores[: len(top)]],
        [
            {plain[number].modality: cosine}
            for number, top in tops.items()
            for cosine in nearby[number].cosines[: len(top)]
        ],
        chain.from_iterable(range(1, len(top) + 1) for top in tops.values()),
    )
    found, rest = {}, iter(made)
    for number, top in tops.items():
        query, hits = queries[number], list(islice(rest, len(top)))
        more = len(nearby[number].rows) > len(top) and query.k < MAX_K
        cursor = _cursor(state, query, hits, 0) if more else None
        found[number] = Answer(hits, warnings[number], cursor)
    return found


def _cursor(state: State, query: Query, hits: Sequence[Hit], offset: int) -> Callable[[], str]:
    """Makes the cursor behind some hits: most are never asked for."""
    end = Place(offset + len(hits), hits[-1].entity_id, hits[-1].score)
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
    return Answer(hits, warnings, _cursor(state, query, hits, page.offset))


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
        rows,
        scores[page.rows].tolist(),
        scorer.cosines(rows),
        range(page.offset + 1, page.offset + 1 + len(rows)),
        whys=whys,
        groups=page.groups,
    )


def _made(
    state: State,
    rows: Sequence[int],
    scores: Sequence[float],
    cosines: Sequence[dict[str, float]],
    ranks: Iterable[int],
    *,
    whys: Sequence[dict[str, Any]] | None = None,
    groups: Sequence[Any] | None = None,
) -> list[Hit]:
    """Hits at some rows, all columns of the replica read once."""
    replica, nothing = state.replica, [None] * len(rows)
    # Position -1 is none.
    names = [*replica.domain_names, None]
    columns = zip(
        ranks,
        replica.keys.at(rows),
        [names[domain] for domain in replica.domains[rows].tolist()],
        replica.titles.at(rows),
        scores,
        _present(state, rows),
        whys or nothing,
        replica.ids[rows].tolist(),
        cosines,
        [groups is not None] * len(rows),
        groups or nothing,
        # Scores and cosines may go on behind the page.
        strict=False,
    )
    return list(map(Hit._make, columns))


def _present(state: State, rows: Sequence[int]) -> list[tuple[str, ...]]:
    kinds = [kind for kind in MODALITIES if kind in state.columns]
    flags = [state.columns[kind].present[rows].tolist() for kind in kinds]
    flags.append(state.replica.linked[rows].tolist())
    return [_names((*kinds, "graph"), some) for some in zip(*flags, strict=True)]


@lru_cache(maxsize=64)
def _names(kinds: tuple[str, ...], flags: tuple[bool, ...]) -> tuple[str, ...]:
    return tuple(compress(kinds, flags))
