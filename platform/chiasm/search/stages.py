"""Where the time of a query goes, and when it must end; costs next to nothing when nobody listens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from chiasm.errors import TimedOutError

__all__ = ["Watch", "count", "stage", "too_late", "watched"]


class Watch:
    """What one query, or one batch, has spent and found so far.

    Args:
        deadline: Moment (`time.monotonic`) after which no further stage begins; None for never.
    """

    __slots__ = ("counts", "deadline", "seconds")

    def __init__(self, deadline: float | None = None) -> None:
        self.deadline = deadline
        #: By stage.
        self.seconds: dict[str, float] = {}
        #: By name: candidates, hits of a cache and the like.
        self.counts: dict[str, int] = {}

    def check(self) -> None:
        """Pass while there is time left.

        Raises:
            TimedOutError: The deadline is over.
        """
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise too_late()


def too_late() -> TimedOutError:
    """The error of a search whose time is over."""
    return TimedOutError(
        "the search took longer than it may",
        where="query",
        remedy="ask for less, or raise CHIASM_SEARCH_TIMEOUT_S",
    )


_watch: ContextVar[Watch | None] = ContextVar("chiasm_search_watch", default=None)


@contextmanager
def watched(watch: Watch) -> Iterator[Watch]:
    """Within it, stages of this thread are written down in ``watch``."""
    token = _watch.set(watch)
    try:
        yield watch
    finally:
        _watch.reset(token)


# A class, not a generator: one is entered five times a query.
class stage:  # noqa: N801 - reads as the statement it is
    """`with stage("rank"):` times its block, and does not begin it after the deadline.

    Stages may lie within each other; the inner time counts for both.
    """

    __slots__ = ("_began", "_listening", "_name")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._listening = _watch.get()
        if self._listening is not None:
            self._listening.check()
            self._began = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        if self._listening is not None:
            spent = self._listening.seconds
            spent[self._name] = spent.get(self._name, 0.0) + time.perf_counter() - self._began


def count(name: str, number: int = 1) -> None:
    """Add to a count of the query under way."""
    watch = _watch.get()
    if watch is not None:
        watch.counts[name] = watch.counts.get(name, 0) + number
