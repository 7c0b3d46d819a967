"""How many threads a query, and a process of the service, may use."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

__all__ = ["one_thread", "thread_limits"]

#: What the libraries below numpy, torch and FAISS read when they are loaded.
_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_lock = threading.Lock()
_inside = 0
_before = 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it, torch computes on the calling thread alone.

    A query is a few dozen products of a few thousand numbers: waking a second core for each costs several times
    what it saves (16 ms against 8 ms for a text), and concurrent queries use the cores better.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        # Nothing is loaded yet: the first query is slow for other reasons.
        yield
        return
    global _inside, _before
    with _lock:
        # Who comes second would take the 1 of the first for what was there before.
        if not _inside:
            _before = torch.get_num_threads()
        _inside += 1
        # OpenMP keeps the number of each thread by itself.
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            torch.set_num_threads(_before)


def thread_limits(processes: int, environment: Mapping[str, str]) -> dict[str, str]:
    """Variables for one of several equal processes, so that all together do not exceed the cores.

    Args:
        processes: How many there are.
        environment: What an operator set there stays.
    """
    share = max(1, len(os.sched_getaffinity(0)) // processes) if hasattr(os, "sched_getaffinity") else 1
    return {name: str(share) for name in _VARIABLES if name not in environment}
