"""Searches that wait, are answered together, are turned away, and are given up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import orjson
import pytest
from prometheus_client import CollectorRegistry

from chiasm.api.desk import Desk
from chiasm.api.search_metrics import SearchMetrics
from chiasm.client.embedded import EmbeddedBackend, OpenHome
from chiasm.client.parts import QueryPart
from chiasm.client.protocol import SearchRequest
from chiasm.errors import NotFoundError, OverloadedError, TimedOutError
from chiasm.search import Query, SearchResult
from chiasm.search.stages import stage
from chiasm.settings import Settings


class SlowSearcher:
    """Answers with the names of its queries when it is let."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.calls: list[list[str]] = []

    def search(self, workspace_id: int, query: Query) -> SearchResult:
        return self.search_batch(workspace_id, [query])[0]

    def recall(self, workspace_id: int, query: Query) -> dict[str, float]:
        return {"text": 0.9}

    def search_batch(self, workspace_id: int, queries: Sequence[Query]) -> list[SearchResult]:
        names = [query.parts[0].value for query in queries]
        self.calls.append(names)
        assert self.let.wait(30)
        with stage("rank"):
            if "missing" in names:
                raise NotFoundError("there is no entity 'missing'")
        return [SearchResult(name, 0.0, query, []) for name, query in zip(names, queries, strict=True)]


@pytest.fixture
def searcher() -> SlowSearcher:
    return SlowSearcher()


@pytest.fixture
def home(settings: Settings, searcher: SlowSearcher, request: pytest.FixtureRequest) -> Iterator[OpenHome]:
    home = OpenHome(settings.model_copy(update=getattr(request, "param", {})))
    home._searcher = searcher  # type: ignore[assignment]
    yield home
    home.close()


def at_desk(home: OpenHome, script: Callable[[Desk, Callable[..., Awaitable[str]]], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        desk = Desk(home, SearchMetrics(CollectorRegistry()))
        desk.open()
        backend = EmbeddedBackend(home)

        async def ask(name: str, **more: Any) -> str:
            found = await desk.search(backend, SearchRequest([QueryPart("entity", name)], **more))
            return str(orjson.loads(found)["release"])

        try:
            return await script(desk, ask)
        finally:
            home._searcher.let.set()  # type: ignore[union-attr]
            await asyncio.to_thread(desk.close)

    return asyncio.run(run())


def test_what_waits_is_answered_together(home: OpenHome, searcher: SlowSearcher) -> None:
    async def script(desk: Desk, ask: Callable[..., Awaitable[str]]) -> list[str]:
        first = asyncio.ensure_future(ask("first"))
        while not searcher.calls:
            await asyncio.sleep(0.01)
        others = [asyncio.ensure_future(ask(f"q{n}")) for n in range(5)]
        await asyncio.sleep(0.05)
        searcher.let.set()
        return await asyncio.gather(first, *others)

    assert at_desk(home, script) == ["first", "q0", "q1", "q2", "q3", "q4"]
    assert searcher.calls == [["first"], ["q0", "q1", "q2", "q3", "q4"]]


def test_who_asks_for_what_is_not_there_is_told_and_nobody_else(
    home: OpenHome, searcher: SlowSearcher
) -> None:
    async def script(desk: Desk, ask: Callable[..., Awaitable[str]]) -> list[Any]:
        first = asyncio.ensure_future(ask("first"))
        await asyncio.sleep(0.05)
        others = [asyncio.ensure_future(ask(name)) for name in ("a", "missing", "b")]
        await asyncio.sleep(0.05)
        searcher.let.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    first, a, missing, b = at_desk(home, script)
    assert (first, a, b) == ("first", "a", "b") and isinstance(missing, NotFoundError)


@pytest.mark.parametrize("home", [{"search_waiting": 0}], indirect=True)
def test_more_than_can_wait_are_turned_away_at_once(home: OpenHome, searcher: SlowSearcher) -> None:
    async def script(desk: Desk, ask: Callable[..., Awaitable[str]]) -> int:
        asked = [asyncio.ensure_future(ask(f"q{n}")) for n in range(100)]
        await asyncio.sleep(0.1)
        turned_away = [task for task in asked if task.done()]
        assert all(isinstance(task.exception(), OverloadedError) for task in turned_away)
        searcher.let.set()
        await asyncio.gather(*asked, return_exceptions=True)
        # There is room again.
        assert await ask("later") == "later"
        return len(turned_away)

    assert 0 < at_desk(home, script) < 100


@pytest.mark.parametrize("home", [{"search_timeout_s": 0.2}], indirect=True)
def test_a_search_is_given_up_in_time_and_holds_its_place_until_it_ends(
    home: OpenHome, searcher: SlowSearcher
) -> None:
    async def script(desk: Desk, ask: Callable[..., Awaitable[str]]) -> float:
        began = time.monotonic()
        working, waiting = asyncio.ensure_future(ask("working")), asyncio.ensure_future(ask("waiting"))
        for task in (working, waiting):
            with pytest.raises(TimedOutError):
                await task
        took = time.monotonic() - began
        assert desk.open_searches >= 1
        searcher.let.set()
        assert await ask("later") == "later"
        return took

    assert at_desk(home, script) < 5
    # Nobody waited any more for the second, so it was never asked.
    assert ["waiting"] not in searcher.calls


def test_several_in_one_request(home: OpenHome, searcher: SlowSearcher) -> None:
    searcher.let.set()

    async def script(desk: Desk, ask: Callable[..., Awaitable[str]]) -> Any:
        requests = [SearchRequest([QueryPart("entity", name)]) for name in "abc"]
        return orjson.loads(await desk.search_batch(EmbeddedBackend(home), requests))

    found = at_desk(home, script)
    assert [answer["release"] for answer in found["results"]] == ["a", "b", "c"]


def test_reasons_do_not_hold_up_others(home: OpenHome, searcher: SlowSearcher) -> None:
    async def script(desk: Desk, ask: Callable[..., Awaitable[str]]) -> list[list[str]]:
        heavy = asyncio.ensure_future(ask("heavy", explain=True))
        await asyncio.sleep(0.05)
        light = asyncio.ensure_future(ask("light"))
        await asyncio.sleep(0.05)
        calls = list(searcher.calls)
        searcher.let.set()
        await asyncio.gather(heavy, light)
        return calls

    assert at_desk(home, script) == [["heavy"], ["light"]]
