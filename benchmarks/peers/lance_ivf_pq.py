"""LanceDB with its default index, IVF-PQ."""

from __future__ import annotations

from typing import Any

from lancedb.index import IvfPq

from benchmarks.peers.lance import LancePeer
from benchmarks.peers.protocol import Data, Knob

_PLAIN = [(10, 10), (20, 10), (40, 20), (80, 30), (160, 50)]
_FILTERED = [(20, 10), (80, 20), (160, 50)]


class LanceIvfPqPeer(LancePeer):
    """LanceDB IVF_PQ, refined from the stored vectors."""

    def index(self, data: Data) -> Any:
        """Partitions and sub-vectors as LanceDB chooses them."""
        return IvfPq(distance_type="dot")

    def knobs(self, mark: str | None) -> list[Knob]:
        """More partitions and more candidates; for filters also all rows without the index."""
        tried = _PLAIN if mark is None else _FILTERED
        knobs: list[Knob] = [{"nprobes": probes, "refine_factor": factor} for probes, factor in tried]
        return knobs if mark is None else [*knobs, {"bypass_vector_index": None}]


PEER = LanceIvfPqPeer
