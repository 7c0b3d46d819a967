"""A GPU as a source of candidates: segments as fp16 in its memory, scanned exactly by FAISS."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from chiasm.errors import UnavailableError
from chiasm.spaces.kinds.base import Floats, Ints, faiss_module
from chiasm.spaces.segment import SegmentFile
from chiasm.spaces.source import CandidateSource

__all__ = ["GpuSource", "gpu_number"]

_log = logging.getLogger(__name__)
#: Rows that go to the device at a time.
_ROWS = 65_536
#: Segments kept on the device; the one that was asked longest ago goes first.
_SEGMENTS = 64


def gpu_number(device: str) -> int | None:
    """Which device FAISS shall search on; None unless a setting asks for one and it is there.

    Args:
        device: `CHIASM_DEVICE`; `auto` and `cpu` ask for none, as a GPU is worth it for large spaces only.
    """
    kind, _, number = device.partition(":")
    if kind != "cuda":
        return None
    faiss, wanted = faiss_module(), int(number or 0)
    count = faiss.get_num_gpus() if hasattr(faiss, "index_cpu_to_gpu") else 0
    if wanted < count:
        return wanted
    why = f"it finds {count} GPUs" if hasattr(faiss, "index_cpu_to_gpu") else "faiss-gpu is not installed"
    _log.warning("FAISS searches on the CPU", extra={"device": device, "reason": why})
    return None


class GpuSource(CandidateSource):
    """Scans segments on one device; one query at a time, as FAISS's GPU memory is of one thread.

    Args:
        number: Of the device.
    """

    name: ClassVar[str] = "gpu"
    max_listed: ClassVar[int] = 0
    #: FAISS's own limit on a GPU.
    max_candidates: ClassVar[int] = 2048

    def __init__(self, number: int) -> None:
        self._number = number
        self._lock = threading.Lock()
        self._resources: Any = None
        self._indexes: OrderedDict[Path, Any] = OrderedDict()

    def ready(self, segment: SegmentFile) -> bool:
        """Always: a segment goes to the device when it is first asked for."""
        return True

    def candidates(self, segment: SegmentFile, queries: Floats, n: int, rows: Ints | None = None) -> Ints:
        """Row numbers; see `CandidateSource.candidates`."""
        with self._lock:
            try:
                return np.asarray(self._index(segment).search(queries, n)[1], dtype=np.int64)
            except RuntimeError as error:
                # Most likely its memory is full: what it holds of other segments is of no use then either.
                self._indexes.clear()
                raise UnavailableError(
                    f"FAISS cannot search on GPU {self._number}: {error}"[:300],
                    where=str(segment.folder),
                    remedy="set CHIASM_DEVICE=cpu, or free its memory",
                ) from error

    def close(self) -> None:
        """Free the device's memory."""
        with self._lock:
            self._indexes.clear()
            self._resources = None

    def _index(self, segment: SegmentFile) -> Any:
        index = self._indexes.pop(segment.folder, None)
        if index is None:
            index = self._load(segment)
        self._indexes[segment.folder] = index
        while len(self._indexes) > _SEGMENTS:
            self._indexes.popitem(last=False)
        return index

    def _load(self, segment: SegmentFile) -> Any:
        faiss = faiss_module()
        segment.guard.require_all()
        if self._resources is None:
            self._resources = faiss.StandardGpuResources()
        options = faiss.GpuClonerOptions()
        options.useFloat16 = True
        flat = faiss.IndexFlatIP(segment.dim)
        index = faiss.index_cpu_to_gpu(self._resources, self._number, flat, options)
        for start in range(0, len(segment.ids), _ROWS):
            index.add(np.ascontiguousarray(segment.block[start : start + _ROWS], dtype=np.float32))
        return index
