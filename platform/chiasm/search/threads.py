"""One thread for one query."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

__all__ = ["limit_process", "one_thread"]

#: What the libraries below numpy, torch and FAISS read when they are loaded.
_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_lock = threading.Lock()
_inside = 0
#: What torch and each library had before the first query began.
_before: tuple[int, Sequence[int]] = (1, ())


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it, torch and the library below numpy compute on the calling thread alone.

    A query is a few dozen products of a few thousand numbers: waking a second core for each costs several times
    what it saves (16 ms against 8 ms for a text), concurrent queries use the cores better, and on busy cores a
    product waits for its slowest thread (28 ms against 1 ms for 1,644 rows). OpenMP keeps the number of each
    thread by itself; the library below numpy has one for the process, which threadpoolctl lets one thread change at
    a time: who shares a process between many threads calls `limit_process` instead.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def limit_process(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let this process, or the ones started in an environment, compute on one thread a query.

    What serves many queries at once uses the cores by answering many of them. What an operator has set stays.
    """
    for name in _VARIABLES:
        environment.setdefault(name, "1")
    if environment is os.environ and environment["OPENBLAS_NUM_THREADS"] == "1":
        # It may have been loaded, and may have read the variables, before.
        for library in _libraries():
            library.set_num_threads(1)


def _enter() -> None:
    global _inside, _before
    torch = sys.modules.get("torch")
    with _lock:
        # Who comes second would take the 1 of the first for what was there before.
        if not _inside:
            _before = (
                torch.get_num_threads() if torch else 1,
                [library.get_num_threads() for library in _libraries()],
            )
        _inside += 1
    _set(1, [1] * len(_before[1]))


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
    _set(*_before)


def _set(of_torch: int, of_libraries: Sequence[int]) -> None:
    torch = sys.modules.get("torch")
    # Setting the number that is there already costs a dozen microseconds.
    if torch and _before[0] != 1:
        torch.set_num_threads(of_torch)
    for library, before, number in zip(_libraries(), _before[1], of_libraries, strict=True):
        if before != 1:
            library.set_num_threads(number)


@cache
def _libraries() -> tuple[Any, ...]:
    """The linear algebra below numpy; torch brings its own and is asked by itself."""
    import numpy  # noqa: F401 - what is not loaded is not found
    from threadpoolctl import ThreadpoolController

    found = ThreadpoolController().select(internal_api="openblas")
    return tuple(found.lib_controllers)
