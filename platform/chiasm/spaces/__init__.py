"""Vector spaces on FAISS: immutable, checksummed segments; readers that follow them; compaction."""

from chiasm.spaces.backend import open_source
from chiasm.spaces.compaction import collect, compact, crowded, rebuild, retire
from chiasm.spaces.keeping import collecting, kept
from chiasm.spaces.live import items_of, mask_phantoms, phantoms, remove_items
from chiasm.spaces.mapped import count_mapped, mapped_items, stands_on_mapped
from chiasm.spaces.reader import SpaceReader
from chiasm.spaces.segment import SegmentFile, open_segment
from chiasm.spaces.source import CandidateSource
from chiasm.spaces.view import Selection, View
from chiasm.spaces.writer import PendingSegment, write_segment

__all__ = [
    "CandidateSource",
    "PendingSegment",
    "SegmentFile",
    "Selection",
    "SpaceReader",
    "View",
    "collect",
    "collecting",
    "compact",
    "count_mapped",
    "crowded",
    "items_of",
    "kept",
    "mapped_items",
    "mask_phantoms",
    "open_segment",
    "open_source",
    "phantoms",
    "rebuild",
    "remove_items",
    "retire",
    "stands_on_mapped",
    "write_segment",
]
