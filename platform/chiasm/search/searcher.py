"""From a query to its hits."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from chiasm.catalog import Catalog
from chiasm.models import ModelCache
from chiasm.search.allowed import allowed_rows
from chiasm.search.asked import Asked, resolve
from chiasm.search.explain import explain
from chiasm.search.late import LateScorer
from chiasm.search.query import MODALITIES, Query
from chiasm.search.recall import recall_by_space
from chiasm.search.replica import Ints
from chiasm.search.result import Hit, SearchResult
from chiasm.search.scorer import Scorer, Scores
from chiasm.search.stages import count, stage
from chiasm.search.state import State, StateCache
from chiasm.search.threads import one_thread
from chiasm.settings import Settings

__all__ = ["Searcher"]


class Searcher:
    """Answers queries; safe to share between threads.

    Args:
        settings: Of the home.
        catalog: Its catalog.
        models: Encoders and releases, loaded when first used.
    """

    def __init__(self, settings: Settings, catalog: Catalog, models: ModelCache) -> None:
        self._catalog = catalog
        self._models = models
        self._states = StateCache(settings, catalog)

    def warm(self, workspace_id: int) -> None:
        """Open spaces and models of a workspace, so that its first query is as quick as the next."""
        state = self._states.current(workspace_id)
        for info in state.spaces.values():
            if info.encoder is not None:
                self._models.encoder(info.encoder, info.stamp)
        if state.folder is not None:
            self._models.fusion(state.folder)

    def search(self, workspace_id: int, query: Query) -> SearchResult:
        """The best entities for a query.

        Raises:
            NotFoundError: There is no such workspace, entity or domain.
            DimensionError: A raw vector fits no space.
            StampError: An encoder is not the one that made the space.
            DamagedError: A segment or a model is damaged.
        """
        began = time.perf_counter()
        with one_thread():
            state, hits, warnings = self._answer(workspace_id, query)
        took_ms = (time.perf_counter() - began) * 1000.0
        return SearchResult(state.release, took_ms, query.to_dict(), hits, tuple(warnings))

    def recall(self, workspace_id: int, query: Query) -> dict[str, float]:
        """Recall@10 of each space for a query's vectors against exact search; reads every vector of them."""
        state = self._states.current(workspace_id)
        with one_thread():
            return recall_by_space(state, resolve(state, self._models, query)[0])

    def search_batch(self, workspace_id: int, queries: Sequence[Query]) -> list[SearchResult]:
        """The best entities for each query; raises what `search` raises for the first that fails."""
        return [self.search(workspace_id, query) for query in queries]

    def _answer(self, workspace_id: int, query: Query) -> tuple[State, Sequence[Hit], list[str]]:
        with stage("state"):
            state = self._states.current(workspace_id)
        with stage("encode"):
            asked, warnings = resolve(state, self._models, query)
        with stage("candidates"):
            allowed = allowed_rows(state, self._catalog, query, asked)
        count("candidates", int(np.count_nonzero(allowed)))
        usable = [one for one in asked if one.usable]
        hits: Sequence[Hit] = ()
        if any(one.part.weight > 0 for one in usable) and allowed.any():
            with stage("rank"):
                scorer = self._scorer(state, usable)
                scores = np.where(allowed, scorer.scores(allowed), np.nan)
            hits = _hits(state, scorer, scores, query)
        return state, hits, warnings

    def _scorer(self, state: State, asked: list[Asked]) -> Scorer:
        if state.folder is None:
            return LateScorer(state, asked)
        from chiasm.search.fused import FusedScorer

        return FusedScorer(state, asked, self._models.fusion(state.folder))


def _hits(state: State, scorer: Scorer, scores: Scores, query: Query) -> list[Hit]:
    replica, rows = state.replica, _best(scores, query.k).tolist()
    with stage("explain"):
        whys = explain(scorer, scores, rows) if query.explain else [None] * len(rows)
    return [
        Hit(
            rank=rank,
            key=replica.keys[row],
            domain=replica.domain_names[replica.domains[row]] if replica.domains[row] >= 0 else None,
            title=replica.titles[row],
            score=float(scores[row]),
            present=_present(state, row),
            why=why,
            entity_id=int(replica.ids[row]),
        )
        for rank, (row, why) in enumerate(zip(rows, whys, strict=True), start=1)
    ]


def _best(scores: Scores, k: int) -> Ints:
    """Rows of the ``k`` best scores, best first, equal ones by age."""
    rows = np.flatnonzero(~np.isnan(scores))
    if len(rows) > k:
        rows = rows[scores[rows] >= -np.partition(-scores[rows], k - 1)[k - 1]]
    return rows[np.argsort(-scores[rows], kind="stable")][:k]


def _present(state: State, row: int) -> tuple[str, ...]:
    found = [m for m in MODALITIES if m in state.columns and state.columns[m].present[row]]
    return (*found, "graph") if state.replica.linked[row] else tuple(found)
