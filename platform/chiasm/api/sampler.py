"""A query now and then, searched exactly in the background, so that a fall of recall is seen."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from chiasm.api.search_metrics import SearchMetrics
from chiasm.client.embedded import OpenHome

if TYPE_CHECKING:
    from chiasm.search import Query

__all__ = ["Sampler"]

#: At most so often, and never more than this share of the time of one core.
_EVERY_S = 60.0
_SHARE = 0.02
_log = logging.getLogger(__name__)


class Sampler:
    """Takes one of the queries that pass by and compares its answer with that of an exact search.

    Args:
        home: To search in.
        metrics: That show the recall of each kind of space.
        every_s: Between two samples.
    """

    def __init__(self, home: OpenHome, metrics: SearchMetrics, *, every_s: float = _EVERY_S) -> None:
        self._home = home
        self._metrics = metrics
        self._every_s = every_s
        self._due = 0.0
        self._thread: threading.Thread | None = None

    def offer(self, workspace_id: int, query: Query) -> None:
        """Sample this query if it is time for one."""
        now = time.monotonic()
        if now < self._due or (self._thread is not None and self._thread.is_alive()):
            return
        self._due = now + self._every_s
        self._thread = threading.Thread(
            target=self._sample, args=(workspace_id, query), name="recall", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Wait for the sample under way."""
        if self._thread is not None:
            self._thread.join()

    def _sample(self, workspace_id: int, query: Query) -> None:
        began = time.thread_time()
        try:
            for space, recall in self._home.searcher().recall(workspace_id, query).items():
                self._metrics.recall.labels(space).set(recall)
        except Exception as error:  # noqa: BLE001 - whoever asked the query was answered long ago
            _log.warning("a sampled query could not be searched exactly", exc_info=error)
        self._due = max(self._due, time.monotonic() + (time.thread_time() - began) / _SHARE)
