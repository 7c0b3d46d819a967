"""hnswlib, the reference without payload: row numbers only."""

from __future__ import annotations

import hnswlib
import numpy as np

from benchmarks.peers.protocol import Data, Hits, Knob, Peer, sync_tree

_M, _EF_CONSTRUCTION = 16, 200


class HnswlibPeer(Peer):
    """A graph in one file; filters are Python functions, as its interface wants."""

    payload = False

    def build(self, data: Data) -> None:
        """By two threads."""
        index = hnswlib.Index(space="ip", dim=data.dim)
        index.init_index(max_elements=len(data), M=_M, ef_construction=_EF_CONSTRUCTION)
        for rows, vectors, _, _, _ in data.batches(16_384):
            index.add_items(vectors, np.arange(rows.start, rows.stop), num_threads=2)
        index.save_index(str(self.store / "index.bin"))
        np.save(self.store / "marks.npy", data.marks)
        sync_tree(self.store)

    def open(self) -> None:
        """The whole index in memory."""
        marks = np.load(self.store / "marks.npy")
        self._allowed = {mark: marks[:, place].tolist() for place, mark in enumerate(self.marks)}
        self._index = hnswlib.Index(space="ip", dim=384)
        self._index.load_index(str(self.store / "index.bin"))
        self._index.set_num_threads(1)

    def knobs(self, mark: str | None) -> list[Knob]:
        """A longer queue."""
        return [{"ef": ef} for ef in (40, 80, 160, 320, 640)]

    def search(self, query: np.ndarray, k: int, mark: str | None, knob: Knob) -> Hits:
        """Filtered inside the graph."""
        self._index.set_ef(knob["ef"])
        try:
            rows, _ = self._index.knn_query(
                query, k, num_threads=1, filter=None if mark is None else self._allowed[mark].__getitem__
            )
        except RuntimeError:
            # It found fewer than k rows that pass.
            return []
        return [(int(row), "-", "-") for row in rows[0]]

    def search_batch(self, queries: np.ndarray, k: int, knob: Knob) -> list[Hits]:
        """All in one call, by two threads."""
        self._index.set_ef(knob["ef"])
        rows, _ = self._index.knn_query(queries, k, num_threads=2)
        return [[(int(row), "-", "-") for row in mine] for mine in rows]


PEER = HnswlibPeer
