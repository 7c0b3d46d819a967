"""Following a space: opens its segments once, verified, and keeps up with its generation."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Embedding, Segment, Space
from chiasm.errors import DamagedError, NotFoundError
from chiasm.spaces.candidates import CandidateView
from chiasm.spaces.kinds.base import Floats, Ints
from chiasm.spaces.segment import SegmentFile, open_segment
from chiasm.spaces.source import CandidateSource
from chiasm.spaces.view import Part, View

__all__ = ["SpaceReader"]

#: A space of up to so many live rows is held as one float32 matrix (200 MB at 384 dimensions).
_MATRIX_ROWS = 131_072
#: In larger spaces, segments of up to so many rows still are.
_SMALL_ROWS = 16_384
_RETRIES = 3


class SpaceReader:
    """Searches the live rows of a space; safe to share between threads.

    Args:
        catalog: Knows which segments are live, and which of them holds each item.
        root: Folder of all spaces.
        space_id: The space.
        matrix_rows: Spaces up to this size are searched as one matrix.
        small_rows: In larger ones, segments up to this size are.
        source: Names candidates in larger segments; their own index by default.

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
        matrix_rows: int = _MATRIX_ROWS,
        small_rows: int = _SMALL_ROWS,
        source: CandidateSource | None = None,
    ) -> None:
        self._catalog = catalog
        self._root = root
        self._matrix_rows = matrix_rows
        self._small_rows = small_rows
        self._source = source
        self._lock = threading.Lock()
        self.space_id = space_id
        self._view = self._follow({})

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
            self._view = self._follow(known)
        return True

    def search(self, queries: Floats, k: int, *, allowed: Ints | None = None) -> tuple[Floats, Ints]:
        """The best ``k`` items of each query; see `View.search`."""
        return self._view.search(queries, k, allowed=allowed)

    def vectors(self, ids: Ints) -> Floats:
        """Vectors of items; see `View.vectors`."""
        return self._view.vectors(ids)

    def all(self) -> tuple[Ints, Floats]:
        """All live items; see `View.all`."""
        return self._view.all()

    def _follow(self, known: dict[Path, Part]) -> View:
        for _ in range(_RETRIES):
            generation = self._generation()
            try:
                return self._read(known)
            except DamagedError:
                # A segment may have been compacted away and collected since its row was read.
                if generation == self._generation():
                    raise
        return self._read(known)

    def _generation(self) -> int | None:
        with self._catalog.read() as session:
            return session.scalar(select(Space.generation).where(Space.id == self.space_id))

    def _read(self, known: dict[Path, Part]) -> View:
        with self._catalog.read() as session:
            return self._load(session, known)

    def _load(self, session: Session, known: dict[Path, Part]) -> View:
        space = session.get(Space, self.space_id)
        if space is None:
            raise NotFoundError(f"there is no space {self.space_id}", where="space")
        live = Segment.space_id == self.space_id, Segment.state == "live"
        segments = session.execute(
            select(Segment.id, Segment.path, Segment.sha256, Segment.rows).where(*live).order_by(Segment.id)
        ).all()
        live_rows = session.execute(
            select(Embedding.segment_id, func.count())
            .where(Embedding.segment_id.in_(select(Segment.id).where(*live)))
            .group_by(Embedding.segment_id)
        )
        counts = {int(row[0]): int(row[1]) for row in live_rows}
        parts = []
        for segment_id, path, sha256, _ in segments:
            if count := counts.get(segment_id, 0):
                part = known.get(self._root / path)
                segment = (
                    part.segment
                    if part
                    else open_segment(self._root / path, sha256, stamp=space.stamp, dim=space.dim)
                )
                # Rows of a segment only ever die: an equal count is an equal set.
                if part is None or len(part.ids) != count:
                    part = _live_part(session, segment_id, segment, count)
                parts.append(part)
        return self._arranged(space, parts)

    def _arranged(self, space: Space, parts: Sequence[Part]) -> View:
        one_matrix = sum(len(part.ids) for part in parts) <= self._matrix_rows
        cached = [p for p in parts if one_matrix or len(p.segment.ids) <= self._small_rows]
        indexed = [
            p if p.index is not None else Part(p.segment, p.rows, p.ids, p.segment.open_index())
            for p in parts
            if not (one_matrix or len(p.segment.ids) <= self._small_rows)
        ]
        view = View(space.id, space.kind, space.stamp, space.dim, space.generation, cached, indexed)
        return CandidateView.over(view, self._source) if self._source is not None and indexed else view


def _live_part(session: Session, segment_id: int, segment: SegmentFile, count: int) -> Part:
    if count == len(segment.ids):
        return Part(segment, np.arange(count), segment.ids)
    found = session.scalars(select(Embedding.item_id).where(Embedding.segment_id == segment_id)).all()
    ids = np.sort(np.asarray(found, dtype=np.int64))
    rows = segment.rows_of(ids)
    rows[rows == len(segment.ids)] = 0
    if not np.array_equal(segment.ids[rows], ids):
        raise DamagedError(
            "the catalog names items that the segment does not hold",
            where=str(segment.folder),
            remedy="run `chiasm doctor --repair`",
        )
    return Part(segment, rows, ids)
