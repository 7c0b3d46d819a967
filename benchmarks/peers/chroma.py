"""Chroma, embedded, on disk."""

from __future__ import annotations

from typing import Any

import chromadb
import numpy as np

from benchmarks.peers.protocol import Data, Hits, Knob, Peer, sync_tree


class ChromaPeer(Peer):
    """A persistent Chroma collection."""

    def build(self, data: Data) -> None:
        """In the largest batches that Chroma takes."""
        client = self._client()
        # Kept with the collection: neither a query nor a later change of it sets another queue.
        settings: Any = {"hnsw": {"space": "ip", "num_threads": 2, "ef_search": 200}}
        rows_of = client.create_collection("rows", configuration=settings, embedding_function=None)
        for rows, vectors, texts, domains, marks in data.batches(client.get_max_batch_size()):
            about = [
                {"domain": domain, **dict(zip(self.marks, map(bool, mine), strict=True))}
                for domain, mine in zip(domains, marks, strict=True)
            ]
            rows_of.add(ids=[str(r) for r in rows], embeddings=vectors, documents=texts, metadatas=about)
        sync_tree(self.store)

    def open(self) -> None:
        """The collection."""
        self._rows = self._client().get_collection("rows", embedding_function=None)

    def knobs(self, mark: str | None) -> list[Knob]:
        """None: the queue's length is set when the collection is made."""
        return [{}]

    def search(self, query: np.ndarray, k: int, mark: str | None, knob: Knob) -> Hits:
        """Filtered inside the graph."""
        return self._answers(query[None], k, mark)[0]

    def search_batch(self, queries: np.ndarray, k: int, knob: Knob) -> list[Hits]:
        """All in one call."""
        return self._answers(queries, k, None)

    def _answers(self, queries: np.ndarray, k: int, mark: str | None) -> list[Hits]:
        found: Any = self._rows.query(
            query_embeddings=queries,
            n_results=k,
            where={mark: True} if mark is not None else None,
            include=["documents", "metadatas"],
        )
        return [
            [(int(row), text, about["domain"]) for row, text, about in zip(ids, texts, abouts, strict=True)]
            for ids, texts, abouts in zip(found["ids"], found["documents"], found["metadatas"], strict=True)
        ]

    def _client(self) -> Any:
        quiet = chromadb.Settings(anonymized_telemetry=False)
        return chromadb.PersistentClient(path=str(self.store), settings=quiet)


PEER = ChromaPeer
