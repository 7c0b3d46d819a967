"""Where the searches of one process wait for their turn, are worked on, and are given up."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from chiasm.api.sampler import Sampler
from chiasm.api.search_metrics import SearchMetrics
from chiasm.client.embedded import EmbeddedBackend, OpenHome
from chiasm.client.embedded.questions import to_query
from chiasm.client.protocol import SearchRequest
from chiasm.errors import OverloadedError, TimedOutError

if TYPE_CHECKING:
    from chiasm.search import Query, SearchResult

__all__ = ["Desk"]

#: Light searches that are answered together.
_BATCH = 32
#: Threads for heavy ones.
_HEAVY = 2
#: A light search asks for no more hits.
_LIGHT_K = 100


@dataclass(eq=False)
class _Ticket:
    """One request: a search, or a batch of them."""

    backend: EmbeddedBackend
    requests: Sequence[SearchRequest]
    single: bool
    deadline: float | None
    answer: asyncio.Future[bytes]
    #: Nobody waits for it any more.
    left: bool = False


class Desk:
    """Takes searches in up to a limit and hands out answers as JSON; belongs to one event loop.

    Light searches (texts, entities and vectors without reasons) go to one thread, which answers all that wait at
    once. Nobody waits for a batch to fill: it is what came while the one before was worked on. So a search that
    comes alone is answered alone, and many at once share one look at the catalog, one pass of the encoder, one
    product with the matrix and one change of threads. Heavy ones (media, full text, reasons, batches) have threads
    of their own.

    Args:
        home: To search in.
        metrics: To count in.
    """

    def __init__(self, home: OpenHome, metrics: SearchMetrics) -> None:
        self._home = home
        self._metrics = metrics
        self._sampler = Sampler(home, metrics)
        self._timeout_s = home.settings.search_timeout_s or None
        self._most = home.settings.search_waiting + _BATCH + _HEAVY
        self._open = 0
        self._light: queue.SimpleQueue[_Ticket | None] = queue.SimpleQueue()
        self._heavy = ThreadPoolExecutor(_HEAVY, thread_name_prefix="search-heavy")
        self._thread = threading.Thread(target=self._work, name="search-light", daemon=True)

    @property
    def open_searches(self) -> int:
        """How many are at work or wait, given up or not."""
        return self._open

    def open(self) -> None:
        """Begin to work."""
        self._thread.start()

    async def search(self, backend: EmbeddedBackend, request: SearchRequest) -> bytes:
        """The answer to one search as JSON.

        Raises:
            OverloadedError: Too many wait already.
            TimedOutError: It took longer than `search_timeout_s`.
        """
        return await self._ask(backend, [request], single=True, light=_is_light(request))

    async def search_batch(self, backend: EmbeddedBackend, requests: Sequence[SearchRequest]) -> bytes:
        """The answers to several, `{"results": [...]}`; raises as `search` does."""
        return await self._ask(backend, requests, single=False, light=False)

    def close(self) -> None:
        """End the threads; what they work on is finished."""
        self._light.put(None)
        self._thread.join()
        self._heavy.shutdown(cancel_futures=True)
        self._sampler.close()

    async def _ask(
        self, backend: EmbeddedBackend, requests: Sequence[SearchRequest], *, single: bool, light: bool
    ) -> bytes:
        if self._open + len(requests) > max(self._most, len(requests)):
            self._metrics.rejected.inc()
            raise OverloadedError(
                "too many searches wait already",
                where="search",
                remedy="ask again in a moment, or serve with more --processes",
            )
        loop = asyncio.get_running_loop()
        deadline = time.monotonic() + self._timeout_s if self._timeout_s else None
        ticket = _Ticket(backend, requests, single, deadline, loop.create_future())
        timer = loop.call_later(self._timeout_s, self._give_up, ticket) if self._timeout_s else None
        self._count(len(requests))
        if light:
            self._light.put(ticket)
        else:
            self._heavy.submit(self._answer, [ticket])
        try:
            return await ticket.answer
        finally:
            ticket.left = True
            if timer is not None:
                timer.cancel()

    def _count(self, change: int) -> None:
        self._open += change
        self._metrics.open.set(self._open)

    def _work(self) -> None:
        while (first := self._light.get()) is not None:
            batch = [first]
            while len(batch) < _BATCH and not self._light.empty():
                more = self._light.get()
                if more is None:
                    self._light.put(None)
                    break
                batch.append(more)
            self._answer(batch)

    def _answer(self, tickets: Sequence[_Ticket]) -> None:
        """Work on tickets and hand the answers to the loop; whatever happens, each ticket is closed."""
        answers: dict[_Ticket, bytes | Exception] = {}
        present = [ticket for ticket in tickets if not ticket.left]
        try:
            for group in _by_workspace(present):
                answers.update(zip(group, self._group(group), strict=True))
        except Exception as error:  # noqa: BLE001 - whoever waits is told, and the thread goes on
            answers = {**dict.fromkeys(present, error), **answers}
        # The loop is closed where the process ends: nobody waits then.
        with suppress(RuntimeError):
            tickets[0].answer.get_loop().call_soon_threadsafe(self._deliver, tickets, answers)

    def _deliver(self, tickets: Sequence[_Ticket], answers: Mapping[_Ticket, bytes | Exception]) -> None:
        for ticket in tickets:
            # Only now: what was given up while it was worked on held its place.
            self._count(-len(ticket.requests))
            answer = answers.get(ticket)
            if ticket.answer.done() or answer is None:
                continue
            if isinstance(answer, Exception):
                ticket.answer.set_exception(answer)
            else:
                ticket.answer.set_result(answer)

    def _give_up(self, ticket: _Ticket) -> None:
        from chiasm.search.stages import too_late

        if not ticket.answer.done():
            ticket.left = True
            self._metrics.timed_out.inc()
            ticket.answer.set_exception(too_late())

    def _group(self, tickets: Sequence[_Ticket]) -> list[bytes | Exception]:
        """The answers to tickets of one workspace, each ticket's own error in place of its answer."""
        try:
            return self._together(tickets)
        except TimedOutError as error:
            # The deadline of the last of them is over.
            return [error] * len(tickets)
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            if len(tickets) == 1:
                return [error]
        # One of them cannot be answered; only by themselves do they say which.
        return [answer for ticket in tickets for answer in self._group([ticket])]

    def _together(self, tickets: Sequence[_Ticket]) -> list[bytes | Exception]:
        from chiasm.search.stages import Watch, stage, too_late, watched

        if all(ticket.left for ticket in tickets):
            raise too_late()
        limits = [ticket.deadline for ticket in tickets if ticket.deadline is not None]
        with watched(Watch(max(limits, default=None))) as watch:
            queries = [self._query(request) for ticket in tickets for request in ticket.requests]
            found = iter(self._results(tickets[0].backend.workspace_id, queries))
            with stage("serialise"):
                answers: list[bytes | Exception] = [_written(ticket, found) for ticket in tickets]
        self._metrics.worked(watch, len(queries))
        self._sampler.offer(tickets[0].backend.workspace_id, queries[0])
        return answers

    def _results(self, workspace_id: int, queries: Sequence[Query]) -> Sequence[SearchResult]:
        searcher = self._home.searcher()
        if len(queries) == 1:
            return [searcher.search(workspace_id, queries[0])]
        return searcher.search_batch(workspace_id, queries)

    def _query(self, request: SearchRequest) -> Query:
        return to_query(request, self._home.decoder())


def _is_light(request: SearchRequest) -> bool:
    return (
        not request.explain
        and request.match is None
        and request.k <= _LIGHT_K
        and all(part.kind not in ("image", "audio") for part in request.parts)
    )


def _by_workspace(tickets: Sequence[_Ticket]) -> list[list[_Ticket]]:
    groups: dict[int, list[_Ticket]] = {}
    for ticket in tickets:
        groups.setdefault(ticket.backend.workspace_id, []).append(ticket)
    return list(groups.values())


def _written(ticket: _Ticket, found: Iterator[SearchResult]) -> bytes:
    results = [next(found).to_dict() for _ in ticket.requests]
    return orjson.dumps(results[0] if ticket.single else {"results": results})
