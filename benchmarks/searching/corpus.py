"""The data of one run: vectors with text, domain and marks to filter by, queries, and the exact answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.searching.glosses import read_glosses, vectors_of
from benchmarks.searching.marks import MARKS

__all__ = ["Corpus", "K", "load_corpus"]

K = 10
QUERIES, TUNING = 1000, 200
_BLOCK = 65_536

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Corpus:
    """A folder that peers read too.

    ```
    <folder>/vectors.npy    (rows, 384) float16, unit
    <folder>/queries.npy    (1000, 384) float32, held out
    <folder>/tuning.npy     (200, 384) float32, held out too: what knobs are chosen on
    <folder>/marks.npy      (rows, marks) bool: which rows each filter lets through
    <folder>/payload.jsonl  text and domain of each row
    <folder>/truth.npz      best ten rows of each query, by filter, -1 where there are fewer
    ```
    """

    folder: Path
    #: Whether the vectors are mixtures of real ones.
    mixed: bool

    @cached_property
    def vectors(self) -> npt.NDArray[np.float16]:
        """All rows, memory-mapped, ``(rows, dim)``."""
        return np.load(self.folder / "vectors.npy", mmap_mode="r")

    @cached_property
    def queries(self) -> Floats:
        """Held-out queries, ``(1000, dim)``."""
        return np.load(self.folder / "queries.npy")

    @cached_property
    def tuning(self) -> Floats:
        """Other held-out queries, ``(200, dim)``."""
        return np.load(self.folder / "tuning.npy")

    @cached_property
    def marks(self) -> npt.NDArray[np.bool_]:
        """Rows that pass each filter, ``(rows, marks)``."""
        return np.load(self.folder / "marks.npy")

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.vectors.shape[1])

    def payload(self) -> Iterator[tuple[str, str]]:
        """Text and domain of each row."""
        with (self.folder / "payload.jsonl").open(encoding="utf-8") as file:
            for line in file:
                text, domain = json.loads(line)
                yield text, domain

    def blocks(self, size: int = _BLOCK) -> Iterator[tuple[int, Floats]]:
        """First row and vectors of each piece, float32."""
        for start in range(0, len(self), size):
            yield start, np.asarray(self.vectors[start : start + size], dtype=np.float32)

    def truth(self, mark: str | None, *, tuning: bool = False) -> npt.NDArray[np.int64]:
        """Exact best ten rows of each query, ``(queries, 10)``."""
        found = self._truths[f"{mark or 'all'}"]
        return found[QUERIES:] if tuning else found[:QUERIES]

    @cached_property
    def _truths(self) -> dict[str, npt.NDArray[np.int64]]:
        path = self.folder / "truth.npz"
        if not path.exists():
            np.savez(path, **_exact(self))
        with np.load(path) as file:
            return {name: file[name] for name in file.files}


def load_corpus(cache: Path, size: int, encoded: int | None = None) -> Corpus:
    """The corpus of a size, made in the cache if it is not there.

    Args:
        cache: Folder of all corpora.
        size: Rows; all that there are if 0. Sizes beyond the texts' number are mixtures.
        encoded: Texts to encode at most; all by default.
    """
    glosses = read_glosses()
    held = QUERIES + TUNING
    available = min(encoded or len(glosses.texts), len(glosses.texts))
    rows = size or len(glosses.texts) - held
    mixed = rows > available - held
    folder = cache / f"{rows}-{'mixed' if mixed else 'glosses'}-{available if mixed else 'all'}"
    if (folder / "payload.jsonl").exists():
        return Corpus(folder, mixed)
    folder.mkdir(parents=True, exist_ok=True)
    real = np.asarray(vectors_of(glosses.texts, cache, available if mixed else rows + held), dtype=np.float32)
    rng = np.random.default_rng(rows)
    queries = _mixtures(real, held, rng) if mixed else real[:held]
    np.save(folder / "queries.npy", queries[:QUERIES])
    np.save(folder / "tuning.npy", queries[QUERIES:])
    _save_vectors(folder / "vectors.npy", real, rows, rng if mixed else None)
    np.save(folder / "marks.npy", _marks(rows, rng))
    aside = folder / "payload.tmp"
    with aside.open("w", encoding="utf-8") as file:
        for row in range(rows):
            place = held + row % (len(glosses.texts) - held)
            file.write(json.dumps([glosses.texts[place], glosses.domains[place]]) + "\n")
    aside.rename(folder / "payload.jsonl")
    return Corpus(folder, mixed)


def _save_vectors(path: Path, real: Floats, rows: int, mixing: np.random.Generator | None) -> None:
    out = np.lib.format.open_memmap(path, "w+", np.float16, (rows, real.shape[1]))
    held = QUERIES + TUNING
    for start in range(0, rows, _BLOCK):
        end = min(start + _BLOCK, rows)
        out[start:end] = (
            real[held + start : held + end] if mixing is None else _mixtures(real, end - start, mixing)
        )
    out.flush()


def _mixtures(real: Floats, count: int, rng: np.random.Generator) -> Floats:
    """`normalise(a u + (1-a) v + .3 eps/sqrt(d))`, `a ~ U(.6, .9)`, u and v real vectors; ``(count, dim)``."""
    shape = (count, real.shape[1])
    share = rng.uniform(0.6, 0.9, (count, 1)).astype(np.float32)
    first, second = (real[rng.integers(0, len(real), count)] for _ in range(2))
    noise = rng.standard_normal(shape, dtype=np.float32) * np.float32(0.3 / shape[1] ** 0.5)
    mixed = share * first + (1 - share) * second + noise
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), dtype=np.float32)


def _marks(rows: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    marks = np.zeros((rows, len(MARKS)), dtype=np.bool_)
    for column, percent in enumerate(MARKS.values()):
        marks[rng.permutation(rows)[: max(round(rows * percent / 100), 1)], column] = True
    return marks


def _exact(corpus: Corpus) -> dict[str, npt.NDArray[np.int64]]:
    import faiss

    queries = np.concatenate([corpus.queries, corpus.tuning])
    names = ["all", *MARKS]
    heaps: dict[str, Any] = {name: faiss.ResultHeap(len(queries), K, keep_max=True) for name in names}
    for start, vectors in corpus.blocks():
        for column, name in enumerate(names, start=-1):
            rows = np.arange(len(vectors))
            if name != "all":
                rows = np.flatnonzero(corpus.marks[start : start + len(vectors), column])
            if len(rows):
                scores, at = faiss.knn(
                    queries, vectors[rows], min(K, len(rows)), metric=faiss.METRIC_INNER_PRODUCT
                )
                heaps[name].add_result(scores, rows[at] + start)
    for heap in heaps.values():
        heap.finalize()
    return {name: heap.I for name, heap in heaps.items()}
