"""FAISS alone on the same vectors: the floor of time, and no payload."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.searching.corpus import Corpus, K

__all__ = ["KINDS", "BareIndex"]

Hits = list[tuple[int, str, str]]
Knob = dict[str, Any]

#: Rows trained on for each list; FAISS itself takes 256 at most.
_TRAINED_A_LIST = 128
#: Lists and codes kept of each list's best; the cheapest first.
_IVF = [(8, 4), (16, 4), (16, 8), (32, 8), (32, 16), (64, 16), (128, 16), (128, 32), (256, 32)]


def _lists(rows: int) -> int:
    """A power of two near `3 sqrt(rows)`."""
    return int(2 ** round(float(np.log2(max(3 * rows**0.5, 16)))))


#: Name to the FAISS factory string for so many rows.
KINDS: dict[str, Callable[[int], str]] = {
    "exact": lambda rows: "SQfp16",
    "hnsw": lambda rows: "HNSW32_SQfp16",
    "ivfpq": lambda rows: f"IVF{_lists(rows)},PQ96x4fs,Refine(SQ8)",
}


class BareIndex:
    """One index, built once and kept beside the corpus.

    Args:
        kind: A name of `KINDS`.
        corpus: The vectors.
    """

    def __init__(self, kind: str, corpus: Corpus) -> None:
        self.kind = kind
        self.path = corpus.folder / f"bare-{kind}.faiss"
        facts = self.path.with_suffix(".json")
        if not facts.exists():
            began = time.perf_counter()
            _build(KINDS[kind](len(corpus)), corpus, self.path)
            facts.write_text(json.dumps({"s": time.perf_counter() - began}), encoding="utf-8")
        self.build_s = float(json.loads(facts.read_text(encoding="utf-8"))["s"])
        faiss.omp_set_num_threads(2)
        self._index = faiss.read_index(str(self.path))

    @property
    def disk_bytes(self) -> int:
        """Bytes of its file."""
        return self.path.stat().st_size

    def knobs(self) -> list[Knob]:
        """Settings to choose from; a lone query may be quicker on one thread than on two."""
        if self.kind == "exact":
            return [{"threads": 1}, {"threads": 2}]
        if self.kind == "hnsw":
            return [{"ef": ef, "threads": 1} for ef in (32, 48, 64, 80, 96, 112, 128, 160, 192, 256, 384)]
        return [{"nprobe": n, "factor": f, "threads": t} for n, f in _IVF for t in (1, 2)]

    def search(self, query: np.ndarray, knob: Knob) -> Hits:
        """Best rows of one query."""
        faiss.omp_set_num_threads(knob["threads"])
        found = self._found(query[None], knob)[0]
        # The number is the whole process's: what is asked in turns with this must not inherit it.
        faiss.omp_set_num_threads(2)
        return found

    def search_batch(self, queries: np.ndarray, knob: Knob) -> list[Hits]:
        """Best rows of many, on two threads."""
        return self._found(queries, knob)

    def _found(self, queries: np.ndarray, knob: Knob) -> list[Hits]:
        _, rows = self._index.search(queries, K, params=self._parameters(knob))
        return [[(row, "-", "-") for row in mine] for mine in rows.tolist()]

    def _parameters(self, knob: Knob) -> Any:
        if "ef" in knob:
            return faiss.SearchParametersHNSW(efSearch=knob["ef"])
        if "nprobe" in knob:
            lists = faiss.SearchParametersIVF(nprobe=knob["nprobe"])
            return faiss.IndexRefineSearchParameters(k_factor=knob["factor"], base_index_params=lists)
        return None


def _build(factory: str, corpus: Corpus, path: Path) -> None:
    faiss.omp_set_num_threads(2)
    index = faiss.index_factory(corpus.dim, factory, faiss.METRIC_INNER_PRODUCT)
    if not index.is_trained:
        most = min(len(corpus), _TRAINED_A_LIST * _lists(len(corpus)))
        chosen = np.sort(np.random.default_rng(0).choice(len(corpus), most, replace=False))
        index.train(np.asarray(corpus.vectors[chosen], dtype=np.float32))
    for _, vectors in corpus.blocks():
        index.add(vectors)
    aside = path.with_suffix(".tmp")
    faiss.write_index(index, str(aside))
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    aside.rename(path)
