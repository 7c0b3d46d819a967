"""Milvus as a source of candidates."""

from __future__ import annotations

import logging
import time
from typing import ClassVar

from chiasm.errors import UnavailableError
from chiasm.spaces.kinds.base import Floats, Ints
from chiasm.spaces.milvus.naming import Naming
from chiasm.spaces.milvus.store import MilvusStore
from chiasm.spaces.segment import SegmentFile
from chiasm.spaces.source import CandidateSource

__all__ = ["MilvusSource"]

_log = logging.getLogger(__name__)
#: What is known of a collection is looked at again after so long: somebody may have dropped it.
_AGAIN_S = 10.0


class MilvusSource(CandidateSource):
    """Asks a segment's collection.

    Args:
        store: The server.
        naming: Names the collections.
    """

    name: ClassVar[str] = "milvus"
    max_listed: ClassVar[int] = 8192
    max_candidates: ClassVar[int] = 4096

    def __init__(self, store: MilvusStore, naming: Naming) -> None:
        self._store = store
        self._naming = naming
        #: Collection -> whether it was whole, and until when (monotonic) that is believed.
        self._known: dict[str, tuple[bool, float]] = {}

    def ready(self, segment: SegmentFile) -> bool:
        """Whether the collection is whole; looked at every ten seconds."""
        if self._store.away:
            return False
        name = self._naming.collection(segment.folder)
        whole, until = self._known.get(name, (False, 0.0))
        if time.monotonic() < until:
            return whole
        try:
            whole = self._store.whole(name)
        except UnavailableError as error:
            _log.warning(
                "segments answer by their own indexes", extra={"source": self.name, "error": str(error)}
            )
            self._known.clear()
            return False
        self._known[name] = whole, time.monotonic() + _AGAIN_S
        return whole

    def candidates(self, segment: SegmentFile, queries: Floats, n: int, rows: Ints | None = None) -> Ints:
        """Row numbers; see `CandidateSource.candidates`."""
        name = self._naming.collection(segment.folder)
        try:
            return self._store.search(name, queries, n, rows)
        except UnavailableError:
            self._known.pop(name, None)
            raise

    def close(self) -> None:
        """Close the connection."""
        self._store.close()
