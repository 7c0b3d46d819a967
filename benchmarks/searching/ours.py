"""Our side: a home opened in this process and asked through `chiasm.open`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

import chiasm
from benchmarks.searching.corpus import K
from benchmarks.searching.home import row_of

__all__ = ["Ours"]

Hits = list[tuple[int, str, str | None]]


class Ours:
    """An open home.

    Args:
        home: Made by `benchmarks.searching.home.fill_home`.
    """

    def __init__(self, home: Path) -> None:
        self._kb: Any = chiasm.open(home)
        #: Whether a batch is one call; else it is asked one by one.
        self.has_batches = hasattr(self._kb, "search_batch")

    def __enter__(self) -> Ours:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kb.close()

    def search(self, query: np.ndarray, mark: str | None = None) -> Hits:
        """Row, text and domain of the best entities."""
        where = f"{mark} == true" if mark is not None else None
        return _hits(self._kb.search(vector=query, where=where, k=K))

    def search_batch(self, queries: np.ndarray) -> Sequence[Hits]:
        """The same of each query."""
        if not self.has_batches:
            return [self.search(query) for query in queries]
        return [_hits(found) for found in self._kb.search_batch([{"vector": q, "k": K} for q in queries])]


def _hits(found: Any) -> Hits:
    return [(row_of(hit.key), hit.title or "", hit.domain) for hit in found]
