"""One item ahead: order, errors where they belong, and no thread left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from chiasm.ingest.ahead import ahead


def test_all_items_come_in_order() -> None:
    assert list(ahead(range(1000))) == list(range(1000))


def test_an_error_comes_where_its_item_would_have_come() -> None:
    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("third")

    items = ahead(broken())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="third"):
        next(items)


def test_at_most_two_are_made_before_they_are_taken() -> None:
    made: list[int] = []
    first = threading.Event()

    def counted() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            first.set()
            yield number

    items = ahead(counted())
    assert next(items) == 0
    first.wait(5)
    # One waits in the queue, one in the hand of the thread.
    threading.Event().wait(0.3)
    assert len(made) <= 3
    items.close()


def test_an_iterator_that_is_closed_early_ends_its_thread() -> None:
    items = ahead(iter(range(10**9)))
    next(items)
    items.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]
