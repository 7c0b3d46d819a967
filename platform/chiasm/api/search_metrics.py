"""What Prometheus is told about searches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from chiasm.search.stages import Watch

__all__ = ["SearchMetrics"]

_SECONDS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_ROWS = (10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
_QUERIES = (1, 2, 4, 8, 16, 32)


class SearchMetrics:
    """Stages, candidates, caches, what is open and what was turned away.

    Args:
        registry: That they are part of.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._stages = Histogram(
            "chiasm_search_stage_seconds",
            "Time in a stage: state, encode, candidates, rank, explain, serialise; of a whole batch, as each of its "
            "queries feels it.",
            ["stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._candidates = Histogram(
            "chiasm_search_candidates",
            "Entities that passed the filters, a query.",
            buckets=_ROWS,
            registry=registry,
        )
        self._batch = Histogram(
            "chiasm_search_batch_queries",
            "Queries answered together.",
            buckets=_QUERIES,
            registry=registry,
        )
        self._cache = Counter(
            "chiasm_search_cache", "Looks into caches.", ["cache", "outcome"], registry=registry
        )
        self.open = Gauge(
            "chiasm_search_in_flight",
            "Searches at work or waiting.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.rejected = Counter(
            "chiasm_search_rejected", "Searches turned away: too many at once.", registry=registry
        )
        self.timed_out = Counter(
            "chiasm_search_timed_out", "Searches given up after their time.", registry=registry
        )
        self.recall = Gauge(
            "chiasm_search_recall",
            "Recall@10 of the last sampled query against exact search, by space.",
            ["space"],
            registry=registry,
            multiprocess_mode="livemostrecent",
        )

    def worked(self, watch: Watch, queries: int) -> None:
        """Count what was answered together."""
        for name, seconds in watch.seconds.items():
            self._stages.labels(name).observe(seconds)
        self._batch.observe(queries)
        self._candidates.observe(watch.counts.pop("candidates", 0) / queries)
        for name, number in watch.counts.items():
            self._cache.labels(*name.rsplit("_", 1)).inc(number)
