"""The next item made while this one is worked on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import Any, TypeVar

__all__ = ["ahead"]

T = TypeVar("T")
_END = object()
_LOOK_S = 0.1


def ahead(items: Iterable[T]) -> Generator[T]:
    """The items in order, made by a thread that is one ahead.

    Reading is Python's work, writing mostly the database's: one does not wait for the other. What making an
    item raises is raised where that item would have come. The thread ends with the iterator.
    """
    ready: queue.Queue[Any] = queue.Queue(maxsize=1)
    stopped = threading.Event()

    def put(item: Any) -> None:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=_LOOK_S)
            except queue.Full:
                continue
            return

    def make() -> None:
        try:
            for item in items:
                put((item, None))
                if stopped.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - raised again by whoever takes it
            put((None, error))
            return
        put((_END, None))

    thread = threading.Thread(target=make, name="ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stopped.set()
        thread.join()
