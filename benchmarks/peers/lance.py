"""What both kinds of LanceDB table share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.index import Bitmap

from benchmarks.peers.protocol import Data, Hits, Knob, Peer, sync_tree

_BATCH = 16_384


class LancePeer(Peer):
    """A LanceDB table with a vector index and a bitmap on each attribute."""

    def build(self, data: Data) -> None:
        """One table, written in pieces, then its indexes."""
        schema = pa.schema(
            [
                ("id", pa.int64()),
                ("text", pa.string()),
                ("domain", pa.string()),
                *((mark, pa.bool_()) for mark in self.marks),
                ("vector", pa.list_(pa.float32(), data.dim)),
            ]
        )
        database = lancedb.connect(self.store)
        table = database.create_table("rows", data=self._pieces(data, schema), schema=schema)
        table.create_index("vector", config=self.index(data))
        for mark in self.marks:
            table.create_index(mark, config=Bitmap())
        sync_tree(self.store)

    @abstractmethod
    def index(self, data: Data) -> Any:
        """Configuration of the vector index."""

    def _pieces(self, data: Data, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        for rows, vectors, texts, domains, marks in data.batches(_BATCH):
            flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), data.dim)
            columns = [pa.array(rows), pa.array(texts), pa.array(domains)]
            columns += [pa.array(marks[:, place]) for place in range(marks.shape[1])]
            yield pa.RecordBatch.from_arrays([*columns, flat], schema=schema)

    def open(self) -> None:
        """The table, read-only from now on."""
        self._table = lancedb.connect(self.store).open_table("rows")

    def search(self, query: np.ndarray, k: int, mark: str | None, knob: Knob) -> Hits:
        """Filtered before the search."""
        asked = self._asked(query, knob).select(["id", "text", "domain"]).limit(k)
        if mark is not None:
            asked = asked.where(f"{mark} = true", prefilter=True)
        found = asked.to_arrow()
        return _hits(found)

    def search_batch(self, queries: np.ndarray, k: int, knob: Knob) -> list[Hits]:
        """All queries in one call; the answer names the query of each row."""
        asked = self._asked(list(queries), knob).select(["id", "text", "domain"]).limit(k)
        found = asked.to_arrow()
        owners = found["query_index"].to_numpy()
        return [_hits(found.filter(pa.array(owners == number))) for number in range(len(queries))]

    def _asked(self, query: Any, knob: Knob) -> Any:
        asked = self._table.search(query, vector_column_name="vector").distance_type("dot")
        for name, value in knob.items():
            asked = getattr(asked, name)(*([] if value is None else [value]))
        return asked


def _hits(found: pa.Table) -> Hits:
    rows, texts, domains = (found[name].to_pylist() for name in ("id", "text", "domain"))
    return list(zip(rows, texts, domains, strict=True))
