"""Milvus in this process: milvus-lite behind pymilvus."""

from __future__ import annotations

from typing import Any

import numpy as np
from pymilvus import DataType, MilvusClient

from benchmarks.peers.protocol import Data, Hits, Knob, Peer, sync_tree

_BATCH = 5_000


class MilvusLitePeer(Peer):
    """A milvus-lite collection with an HNSW index."""

    def build(self, data: Data) -> None:
        """Inserted in batches, flushed, indexed."""
        client = self._client()
        schema = client.create_schema(auto_id=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("text", DataType.VARCHAR, max_length=4096)
        schema.add_field("domain", DataType.VARCHAR, max_length=64)
        for mark in self.marks:
            schema.add_field(mark, DataType.BOOL)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=data.dim)
        index = client.prepare_index_params()
        index.add_index(
            "vector", index_type="HNSW", metric_type="IP", params={"M": 16, "efConstruction": 200}
        )
        client.create_collection("rows", schema=schema, index_params=index)
        for rows, vectors, texts, domains, marks in data.batches(_BATCH):
            client.insert(
                "rows",
                [
                    {
                        "id": row,
                        "text": text,
                        "domain": domain,
                        "vector": vector,
                        **dict(zip(self.marks, map(bool, mine), strict=True)),
                    }
                    for row, text, domain, vector, mine in zip(
                        rows, texts, domains, vectors, marks, strict=True
                    )
                ],
            )
        client.flush("rows")
        client.load_collection("rows")
        client.close()
        sync_tree(self.store)

    def open(self) -> None:
        """The loaded collection."""
        self._milvus = self._client()
        self._milvus.load_collection("rows")

    def knobs(self, mark: str | None) -> list[Knob]:
        """A longer queue."""
        return [{"ef": ef} for ef in ((40, 80, 160, 320) if mark is None else (80, 320, 1280))]

    def search(self, query: np.ndarray, k: int, mark: str | None, knob: Knob) -> Hits:
        """Filtered by an expression."""
        return self._answers(query[None], k, f"{mark} == true" if mark else "", knob)[0]

    def search_batch(self, queries: np.ndarray, k: int, knob: Knob) -> list[Hits]:
        """All in one call."""
        return self._answers(queries, k, "", knob)

    def _answers(self, queries: np.ndarray, k: int, where: str, knob: Knob) -> list[Hits]:
        found = self._milvus.search(
            "rows",
            data=list(queries),
            anns_field="vector",
            limit=k,
            filter=where,
            output_fields=["text", "domain"],
            search_params={"metric_type": "IP", "params": knob},
        )
        return [
            [(hit["id"], hit["entity"]["text"], hit["entity"]["domain"]) for hit in hits] for hits in found
        ]

    def _client(self) -> Any:
        return MilvusClient(str(self.store / "milvus.db"))

    def close(self) -> None:
        """Its server thread ends with the client."""
        self._milvus.close()


PEER = MilvusLitePeer
