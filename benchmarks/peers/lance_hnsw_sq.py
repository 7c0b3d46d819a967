"""LanceDB with a graph in each partition, IVF-HNSW-SQ."""

from __future__ import annotations

from typing import Any

from lancedb.index import HnswSq

from benchmarks.peers.lance import LancePeer
from benchmarks.peers.protocol import Data, Knob

_PLAIN = [(1, 50, 2), (1, 100, 4), (2, 150, 5), (4, 200, 5), (8, 300, 10)]


class LanceHnswSqPeer(LancePeer):
    """LanceDB IVF_HNSW_SQ, refined from the stored vectors."""

    def index(self, data: Data) -> Any:
        """Partitions as LanceDB chooses them."""
        return HnswSq(distance_type="dot")

    def knobs(self, mark: str | None) -> list[Knob]:
        """More partitions, a longer queue, more candidates; for filters also all rows without the index."""
        knobs: list[Knob] = [{"nprobes": p, "ef": ef, "refine_factor": factor} for p, ef, factor in _PLAIN]
        return knobs if mark is None else [*knobs[1::2], {"bypass_vector_index": None}]


PEER = LanceHnswSqPeer
