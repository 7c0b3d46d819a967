"""What a peer can be asked."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks.searching.marks import MARKS

__all__ = ["Data", "Hits", "Knob", "Peer", "sync_tree"]

#: Row, text, domain of each hit, best first.
Hits = list[tuple[int, str, str]]
#: Settings of a search, by the peer's own names.
Knob = dict[str, Any]


class Data:
    """The rows to store, read from a corpus's folder (see `benchmarks.searching.corpus`)."""

    def __init__(self, folder: Path) -> None:
        self.vectors = np.load(folder / "vectors.npy", mmap_mode="r")
        self.marks = np.load(folder / "marks.npy")
        self.queries = np.load(folder / "queries.npy")
        self.tuning = np.load(folder / "tuning.npy")
        self._payload = folder / "payload.jsonl"

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.vectors.shape[1])

    def batches(self, size: int) -> Iterator[tuple[range, np.ndarray, list[str], list[str], np.ndarray]]:
        """Rows, vectors (float32), texts, domains and marks, piece by piece."""
        with self._payload.open(encoding="utf-8") as file:
            for start in range(0, len(self), size):
                rows = range(start, min(start + size, len(self)))
                lines = [json.loads(next(file)) for _ in rows]
                vectors = np.asarray(self.vectors[rows.start : rows.stop], dtype=np.float32)
                texts, domains = [line[0] for line in lines], [line[1] for line in lines]
                yield rows, vectors, texts, domains, self.marks[rows.start : rows.stop]


class Peer(ABC):
    """One store.

    Args:
        store: Folder of its files.
    """

    #: Whether it runs in the caller's process.
    embedded: ClassVar[bool] = True
    #: Whether its hits have text and domain.
    payload: ClassVar[bool] = True
    #: Names of the attributes to filter by.
    marks: ClassVar[list[str]] = list(MARKS)

    def __init__(self, store: Path) -> None:
        self.store = store

    @abstractmethod
    def build(self, data: Data) -> None:
        """Store all rows; returns when they are durable and searchable in the final index."""

    @abstractmethod
    def open(self) -> None:
        """Get ready to answer from what was stored."""

    @abstractmethod
    def knobs(self, mark: str | None) -> list[Knob]:
        """Settings to choose from for a filter, the cheapest first."""

    @abstractmethod
    def search(self, query: np.ndarray, k: int, mark: str | None, knob: Knob) -> Hits:
        """The best rows among those that have the mark."""

    def search_batch(self, queries: np.ndarray, k: int, knob: Knob) -> Sequence[Hits]:
        """The best rows of each query; one by one where the store takes no batches."""
        return [self.search(query, k, None, knob) for query in queries]

    def close(self) -> None:
        """Give everything back."""
        return


def sync_tree(folder: Path) -> None:
    """Make everything below a folder durable, for stores that leave it to the system."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
