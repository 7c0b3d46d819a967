"""One thread for one query."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["one_thread"]


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
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
