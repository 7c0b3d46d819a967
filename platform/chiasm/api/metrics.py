"""What Prometheus scrapes: requests, and the work that waits."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chiasm.api.search_metrics import SearchMetrics
from chiasm.catalog.models import Job, WorkUnit
from chiasm.client.embedded import OpenHome

__all__ = ["Metrics", "MetricsMiddleware"]

_BUCKETS_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The metrics of one application (its own registry: several may live in one process)."""

    def __init__(self, home: OpenHome) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "chiasm_http_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "chiasm_http_request_seconds",
            "Time until the answer began.",
            ["method", "route"],
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self.searches = SearchMetrics(self._registry)
        self._work = _Work(home)
        self._registry.register(self._work)
        self._counted: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request and its time."""
        known = self._counted.get((method, route, status))
        if known is None:
            # Finding children by their labels costs as much as counting.
            known = self.requests.labels(method, route, str(status)), self.seconds.labels(method, route)
            self._counted[method, route, status] = known
        known[0].inc()
        known[1].observe(seconds)

    def exposition(self) -> bytes:
        """All metrics in the text format; of all processes of the service, where there are several."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        together.register(self._work)
        return generate_latest(together)


class _Work(Collector):
    """Counts of jobs and units, read from SQL at each scrape: they are the same whoever is asked."""

    def __init__(self, home: OpenHome) -> None:
        self._home = home

    def describe(self) -> Iterator[GaugeMetricFamily]:
        # Without this the registry would collect, hence ask SQL, when it is built.
        yield GaugeMetricFamily("chiasm_jobs", "Jobs by state.", labels=["state"])
        yield GaugeMetricFamily("chiasm_work_units", "Units by lane and state.", labels=["queue", "state"])

    def collect(self) -> Iterator[GaugeMetricFamily]:
        jobs, units = self.describe()
        by_lane = (WorkUnit.queue, WorkUnit.state)
        with self._home.catalog.read() as session:
            for state, count in session.execute(select(Job.state, func.count()).group_by(Job.state)):
                jobs.add_metric([state], count)
            for queue, state, count in session.execute(select(*by_lane, func.count()).group_by(*by_lane)):
                units.add_metric([queue, state], count)
        yield jobs
        yield units


class MetricsMiddleware:
    """Counts and times requests by route template, so that keys in paths make no labels."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "other")
                method = scope["method"] if route != "other" else "any"
                self._metrics.answered(method, route, message["status"], time.perf_counter() - started)
            await send(message)

        await self._app(scope, receive, counted)
