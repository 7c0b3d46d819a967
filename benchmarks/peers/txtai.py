"""txtai with content in SQLite and its default index, FAISS IVF-Flat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import faiss
import numpy as np
from txtai import Embeddings

from benchmarks.peers.protocol import Data, Hits, Knob, Peer, sync_tree

_SELECT = "SELECT id, text, domain FROM txtai WHERE similar(:query, {candidates})"


class TxtaiPeer(Peer):
    """An embeddings database whose vectors come from outside."""

    def build(self, data: Data) -> None:
        """Everything in one call, then saved."""
        # txtai asks for the vectors of texts in the order in which it was given them.
        vectors = iter(data.vectors)

        def encode(texts: Sequence[str]) -> np.ndarray:
            return np.stack([next(vectors) for _ in texts]).astype(np.float32)

        embeddings = Embeddings(method="external", transform=encode, content=True)
        embeddings.index(self._documents(data))
        # A function cannot be saved.
        embeddings.config.pop("transform")
        embeddings.save(str(self.store / "index"))
        embeddings.close()
        sync_tree(self.store)

    def _documents(self, data: Data) -> Iterator[tuple[int, dict[str, Any]]]:
        for rows, _, texts, domains, marks in data.batches(4096):
            for row, text, domain, mine in zip(rows, texts, domains, marks, strict=True):
                flags = dict(zip(self.marks, map(int, mine), strict=True))
                yield row, {"text": text, "domain": domain, **flags}

    def open(self) -> None:
        """The saved index."""
        self._embeddings = Embeddings()
        self._embeddings.load(str(self.store / "index"))

    def knobs(self, mark: str | None) -> list[Knob]:
        """More lists; for filters, which come after the search, also more candidates."""
        if mark is None:
            return [{"nprobe": n, "candidates": 10} for n in (8, 16, 32, 64, 128)]
        return [{"nprobe": n, "candidates": c} for n, c in ((32, 100), (64, 1000), (128, 10_000))]

    def search(self, query: np.ndarray, k: int, mark: str | None, knob: Knob) -> Hits:
        """A vector search, then SQL over its candidates."""
        # One query has too little work for two threads.
        faiss.omp_set_num_threads(1)
        found = self._embeddings.search(self._sql(mark, knob), k, parameters={"query": query})
        return _hits(found)

    def search_batch(self, queries: np.ndarray, k: int, knob: Knob) -> list[Hits]:
        """All in one call."""
        faiss.omp_set_num_threads(2)
        sql = [self._sql(None, knob)] * len(queries)
        given = [{"query": query} for query in queries]
        return [_hits(found) for found in self._embeddings.batchsearch(sql, k, parameters=given)]

    def _sql(self, mark: str | None, knob: Knob) -> str:
        self._embeddings.ann.config["faiss"] = {"nprobe": knob["nprobe"]}
        condition = f" AND {mark} = 1" if mark is not None else ""
        return _SELECT.format(candidates=knob["candidates"]) + condition

    def close(self) -> None:
        """Close its database."""
        self._embeddings.close()


def _hits(found: list[dict[str, Any]]) -> Hits:
    return [(int(row["id"]), row["text"], row["domain"]) for row in found]


PEER = TxtaiPeer
