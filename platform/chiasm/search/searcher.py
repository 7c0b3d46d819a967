"""Who answers queries: the present state of a workspace, and the models that it needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from chiasm.catalog import Catalog
from chiasm.models import ModelCache
from chiasm.search.answer import answered
from chiasm.search.asked import resolve
from chiasm.search.query import Query
from chiasm.search.recall import recall_by_space
from chiasm.search.result import SearchResult
from chiasm.search.stages import stage
from chiasm.search.state import State
from chiasm.search.state_cache import StateCache
from chiasm.search.threads import one_thread
from chiasm.settings import Settings

__all__ = ["Observed", "Searcher"]

#: Answers queries from a state, or, where a release is on trial, from another one.
Observed = Callable[[State, Sequence[Query]], list[SearchResult]]


class Searcher:
    """Answers queries; safe to share between threads.

    Args:
        settings: Of the home.
        catalog: Its catalog.
        models: Encoders and releases, loaded when first used.
        observed: Made of the searcher: sees to it that each search is answered, and counts (`chiasm.releases.traffic`).
    """

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        models: ModelCache,
        observed: Callable[[Searcher], Observed] | None = None,
    ) -> None:
        self._catalog = catalog
        self._models = models
        self._states = StateCache(settings, catalog)
        self._observed = observed(self) if observed is not None else None

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

    def search(self, workspace_id: int, query: Query, *, release_id: int | None = None) -> SearchResult:
        """The best entities for a query, of the release that is active or of another one.

        Raises:
            NotFoundError: There is no such workspace, entity, domain or predicate.
            UsageError: The cursor is not one of this query and release.
            DimensionError: A raw vector fits no space.
            StampError: An encoder is not the one that made the space.
            DamagedError: A segment or a model is damaged.
        """
        return self.search_batch(workspace_id, [query], release_id=release_id)[0]

    def search_batch(
        self, workspace_id: int, queries: Sequence[Query], *, release_id: int | None = None
    ) -> list[SearchResult]:
        """The answer to each of several queries, all from the same state.

        What they give of one modality is encoded in one batch, and a filter that several have is evaluated
        once. `took_ms` is the time of the whole batch.

        Raises:
            ChiasmError: As `search`; of several queries it says which one.
        """
        began = time.perf_counter()
        with stage("state"):
            state = self._states.current(workspace_id, release_id)
        if release_id is None and self._observed is not None:
            return self._observed(state, queries)
        return self._answered(state, queries, began)

    def answered_from(self, state: State, queries: Sequence[Query]) -> list[SearchResult]:
        """As `search_batch`, from a state that the caller has."""
        return self._answered(state, queries, time.perf_counter())

    def answer_by(
        self, workspace_id: int, queries: Sequence[Query], release_id: int | None
    ) -> list[SearchResult]:
        """As `search_batch`, by one release whatever trial is on."""
        began = time.perf_counter()
        return self._answered(self._states.current(workspace_id, release_id), queries, began)

    def release(self, workspace_id: int, keep: int | None = None) -> None:
        """Let go of what was loaded of releases beside the active one, but for one of them."""
        self._states.drop(workspace_id, keep)

    def _answered(self, state: State, queries: Sequence[Query], began: float) -> list[SearchResult]:
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
