"""Who answers queries: the present state of a workspace, and the models that it needs."""

from __future__ import annotations

import time
from collections.abc import Sequence

from chiasm.catalog import Catalog
from chiasm.models import ModelCache
from chiasm.search.answer import answered
from chiasm.search.asked import resolve
from chiasm.search.query import Query
from chiasm.search.recall import recall_by_space
from chiasm.search.result import SearchResult
from chiasm.search.stages import stage
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

    def state(self, workspace_id: int) -> State:
        """The present state of a workspace, for what is answered by other means than a search.

        Raises:
            NotFoundError: There is no such workspace.
        """
        return self._states.current(workspace_id)

    def warm(self, workspace_id: int) -> None:
        """Open spaces and models of a workspace, so that its first query is as quick as the next."""
        state = self._states.current(workspace_id)
        for info in state.spaces.values():
            if info.encoder is not None:
                self._models.query_encoder(info.encoder, info.stamp, info.student, info.student_stamp)
        if state.folder is not None:
            self._models.fusion(state.folder)

    def search(self, workspace_id: int, query: Query) -> SearchResult:
        """The best entities for a query.

        Raises:
            NotFoundError: There is no such workspace, entity, domain or predicate.
            UsageError: The cursor is not one of this query and release.
            DimensionError: A raw vector fits no space.
            StampError: An encoder is not the one that made the space.
            DamagedError: A segment or a model is damaged.
        """
        return self.search_batch(workspace_id, [query])[0]

    def search_batch(self, workspace_id: int, queries: Sequence[Query]) -> list[SearchResult]:
        """The answer to each of several queries, all from the same state.

        What they give of one modality is encoded in one batch, and a filter that several have is evaluated
        once. `took_ms` is the time of the whole batch.

        Raises:
            ChiasmError: As `search`; of several queries it says which one.
        """
        began = time.perf_counter()
        with stage("state"):
            state = self._states.current(workspace_id)
        answers = answered(state, self._catalog, self._models, queries)
        took_ms = (time.perf_counter() - began) * 1000.0
        return [
            SearchResult(state.release, took_ms, query, answer.hits, answer.warnings, answer.cursor)
            for query, answer in zip(queries, answers, strict=True)
        ]

    def recall(self, workspace_id: int, query: Query) -> dict[str, float]:
        """Recall@10 of each space for a query's vectors against exact search; reads every vector of them."""
        state = self._states.current(workspace_id)
        with one_thread():
            [(asked, _)] = resolve(state, self._models, [query])
            return recall_by_space(state, asked)
