"""Following a space: opens its segments once, verified, and keeps up with its generation."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Space
from chiasm.errors import DamagedError
from chiasm.spaces.asked import AskedPart
from chiasm.spaces.facts import SpaceFacts
from chiasm.spaces.kinds import HNSW_ROWS
from chiasm.spaces.kinds.base import Bools, Floats, Ints
from chiasm.spaces.matrix import MatrixStore
from chiasm.spaces.parts import live_parts
from chiasm.spaces.source import CandidateSource
from chiasm.spaces.view import Part, View

__all__ = ["SMALL_ROWS", "SpaceReader"]

#: Segments of fewer rows have no index, and are held together as one float32 matrix.
SMALL_ROWS = HNSW_ROWS - 1
_RETRIES = 3


class SpaceReader:
    """Searches the live rows of a space; safe to share between threads.

    Args:
        catalog: Knows which segments are live, and which of them holds each item.
        root: Folder of all spaces.
        space_id: The space.
        matrix_rows: Spaces up to this size are searched as one matrix, whatever their segments' size.
        small_rows: In larger ones, segments up to this size are.
        source: Names candidates in larger segments; their own indexes do by default.

    Raises:
        NotFoundError: There is no such space.
        DamagedError: A live segment is missing, truncated or changed.
    """

    def __init__(
        self,
        catalog: Catalog,
        root: Path,
        space_id: int,
        *,
        matrix_rows: int = 0,
        small_rows: int | None = None,
        source: CandidateSource | None = None,
    ) -> None:
        self._catalog = catalog
        self._root = root
        self._matrix_rows = matrix_rows
        self._small_rows = SMALL_ROWS if small_rows is None else small_rows
        self._source = source
        self._lock = threading.Lock()
        self.space_id = space_id
        self._store: MatrixStore | None = None
        self._view = self._follow({}, 0)

    @property
    def view(self) -> View:
        """What the space held at the last refresh; stays as it is while others write."""
        return self._view

    @property
    def stamp(self) -> str:
        """Fingerprint of the model that made the vectors."""
        return self._view.stamp

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._view.dim

    @property
    def generation(self) -> int:
        """Generation of the view."""
        return self._view.generation

    def __len__(self) -> int:
        return len(self._view)

    def refresh(self, generation: int | None = None) -> bool:
        """Follow the space to its present generation; True if it had changed.

        Args:
            generation: The present generation where the caller has just read it; saves the look.
        """
        if generation is None:
            generation = self._generation()
        if generation == self._view.generation:
            return False
        with self._lock:
            if generation == self._view.generation:
                return False
            known = {part.segment.folder: part for part in (*self._view.cached, *self._view.indexed)}
            self._view = self._follow(known, self._view.generation, generation)
        return True

    def search(
        self, queries: Floats, k: int, *, allowed: Ints | None = None, mask: Bools | None = None
    ) -> tuple[Floats, Ints]:
        """The best ``k`` items of each query; see `View.search`."""
        return self._view.search(queries, k, allowed=allowed, mask=mask)

    def vectors(self, ids: Ints) -> Floats:
        """Vectors of items; see `View.vectors`."""
        return self._view.vectors(ids)

    def all(self) -> tuple[Ints, Floats]:
        """All live items; see `View.all`."""
        return self._view.all()

    def _follow(self, known: dict[Path, Part], since: int, seen: int | None = None) -> View:
        for _ in range(_RETRIES):
            before = self._generation() if seen is None else seen
            try:
                return self._read(known, since)
            except DamagedError:
                # A segment may have been compacted away and collected since its row was read.
                seen = self._generation()
                if before == seen:
                    raise
        return self._read(known, since)

    def _generation(self) -> int | None:
        with self._catalog.read() as session:
            return session.scalar(select(Space.generation).where(Space.id == self.space_id))

    def _read(self, known: dict[Path, Part], since: int) -> View:
        with self._catalog.read() as session:
            space, parts = live_parts(session, self._root, self.space_id, known, since)
        return self._arranged(space, list(parts.values()))

    def _arranged(self, space: SpaceFacts, parts: Sequence[Part]) -> View:
        one_matrix = sum(len(part) for part in parts) <= self._matrix_rows
        cached = [p for p in parts if one_matrix or len(p.row_ids) <= self._small_rows]
        indexed = [p for p in parts if not (one_matrix or len(p.row_ids) <= self._small_rows)]
        if self._source is not None:
            # Their own indexes are mapped only where it does not answer.
            indexed = [AskedPart.of(part, self._source) for part in indexed]
        else:
            for part in indexed:
                # Mapped now, not by the first query.
                _ = part.segment.index
        if self._store is None:
            self._store = MatrixStore(space.dim)
        matrix = self._store.matrix(cached)
        return View(space.id, space.kind, space.stamp, space.dim, space.generation, cached, indexed, matrix)
