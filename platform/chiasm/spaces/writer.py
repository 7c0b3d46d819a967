"""Adding vectors to a space and taking them away: files first, then one SQL transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Container, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import CursorResult, delete, or_, select, update
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Segment
from chiasm.errors import ChiasmError, ConflictError, DimensionError, InputError, StampError
from chiasm.spaces.facts import SpaceFacts, space_facts
from chiasm.spaces.files import write_files, write_stream
from chiasm.spaces.kinds.base import Floats, Halves, Ints
from chiasm.spaces.live import bump_generation, bury, dead_since, upsert_live
from chiasm.spaces.segment import SegmentFile
from chiasm.spaces.tuning import RECALL

__all__ = ["PendingSegment", "stream_segment", "write_segment"]


@dataclass(frozen=True)
class PendingSegment:
    """A segment whose files are durable but which nobody reads until `commit`."""

    space_id: int
    #: None when there was nothing to write.
    segment_id: int | None
    ids: Ints
    file: SegmentFile | None

    def commit(self, session: Session, alive: Container[int] | None = None, *, mapped: bool = False) -> None:
        """Make the segment's rows the live ones of their items, in the caller's write transaction.

        Args:
            session: The transaction.
            alive: The items that are still there; the rows of others are dead from the start. Default all.
            mapped: They stand in for vectors that the space's model has still to make.

        Raises:
            ConflictError: The intent has been collected meanwhile (far older than any lease).
        """
        if self.segment_id is None or self.file is None:
            return
        self.activate(session, self.file)
        bump_generation(session, [self.space_id])
        lives = np.ones(len(self.ids), dtype=np.bool_)
        if alive is not None:
            lives = np.fromiter((int(item) in alive for item in self.ids), np.bool_, len(self.ids))
            bury(session, self.space_id, self.segment_id, self.ids[~lives])
        upsert_live(session, self.space_id, self.segment_id, self.ids[lives], mapped=mapped)

    def take_over(self, session: Session, old: Sequence[int], generation: int) -> int:
        """Stand in for older segments, whose live rows this one holds, in the caller's write transaction.

        Rows that died since then are dead here too. `embedding` goes on naming the old segments until `settle`:
        a million rows are not changed in one transaction, which others would have to wait for.

        Args:
            session: The transaction.
            old: Ids of the segments whose rows this one holds.
            generation: Of the space when their live rows were read.

        Returns:
            How many rows live here; 0 if nothing happened, as another one has replaced a segment before.

        Raises:
            ConflictError: As `commit`.
        """
        bump_generation(session, [self.space_id])
        mine = Segment.id.in_(old), Segment.state == "live"
        if len(session.scalars(select(Segment.id).where(*mine)).all()) != len(old):
            return 0
        # What had died by then was not read: an item whose row had moved among these segments lives.
        segments, items = dead_since(session, self.space_id, generation + 1)
        dead = np.intersect1d(items[np.isin(segments, list(old))], self.ids)
        if self.segment_id is not None and self.file is not None:
            self.activate(session, self.file)
            bury(session, self.space_id, self.segment_id, dead)
        follow = update(Segment).where(or_(Segment.id.in_(old), Segment.merged_into.in_(old)))
        session.execute(
            follow.values(state="retired", merged_into=self.segment_id),
            execution_options={"synchronize_session": False},
        )
        return len(self.ids) - len(dead)

    def activate(self, session: Session, file: SegmentFile) -> None:
        """Turn the intent row into a live segment; no item points to it yet."""
        values = {
            "state": "live",
            "rows": len(self.ids),
            "size_bytes": file.size_bytes,
            "index_kind": file.kind.name,
            "sha256": file.sha256,
        }
        statement = update(Segment).where(Segment.id == self.segment_id, Segment.state == "intent")
        result = session.execute(statement.values(values))
        if not isinstance(result, CursorResult) or result.rowcount != 1:
            raise ConflictError(
                "the segment's intent is gone: it was taken for abandoned",
                where=str(file.folder),
                remedy="embed these items again (`chiasm jobs retry ID`)",
            )


def write_segment(
    catalog: Catalog,
    root: Path,
    space_id: int,
    ids: Ints,
    vectors: Floats,
    *,
    stamp: str | None = None,
    recall: float = RECALL,
) -> PendingSegment:
    """A durable segment, not live before its `commit`.

    Args:
        catalog: Where the intent is noted, in a transaction of its own.
        root: Folder of all spaces (`Settings.spaces_dir`).
        space_id: The space to add to.
        ids: Asset or entity ids by the space's kind, all different, ``(n,)``; may be none.
        vectors: ``(n, dim)``; normalised here.
        stamp: Fingerprint of the model that made the vectors, where the caller has it at hand.
        recall: What the index of a large segment is tuned to.

    Raises:
        NotFoundError: There is no such space.
        DimensionError: The vectors have another dimension than the space.
        StampError: The vectors were made by another model than the space's.
        InputError: A vector is zero or not finite, or an id occurs twice.
    """
    with catalog.read() as session:
        space = space_facts(session, space_id)
    if stamp is not None and stamp != space.stamp:
        raise StampError(
            f"vectors of model {stamp[:12]} cannot join a space of {space.stamp[:12]}",
            where=f"space {space_id}",
            remedy="write them to the space of their own model",
        )
    ids = np.ascontiguousarray(ids, dtype=np.int64).reshape(-1)
    vectors = _checked(ids, np.asarray(vectors, dtype=np.float32), space)
    if not len(ids):
        return PendingSegment(space_id, None, ids, None)

    def write(folder: Path) -> SegmentFile:
        return write_files(folder, ids, vectors, space.stamp, recall=recall)

    return _intended(catalog, root, space, ids, write)


def stream_segment(
    catalog: Catalog,
    root: Path,
    space: SpaceFacts,
    ids: Ints,
    blocks: Iterable[Halves],
    *,
    recall: float = RECALL,
) -> PendingSegment:
    """A durable segment of rows that are in segments already, not live before its `take_over`.

    Args:
        catalog: As `write_segment`.
        root: As `write_segment`.
        space: The space to add to.
        ids: Ascending, ``(n,)``; may be none.
        blocks: Unit vectors in the order of the ids, ``(some, dim)`` each.
        recall: What an index is tuned to.
    """
    if not len(ids):
        return PendingSegment(space.id, None, ids, None)

    def write(folder: Path) -> SegmentFile:
        return write_stream(folder, ids, space.dim, blocks, space.stamp, recall=recall)

    return _intended(catalog, root, space, ids, write)


def _intended(
    catalog: Catalog, root: Path, space: SpaceFacts, ids: Ints, write: Callable[[Path], SegmentFile]
) -> PendingSegment:
    row = Segment(space_id=space.id, path=f"{space.kind}-{space.id}/{uuid.uuid4().hex}", state="intent")
    with catalog.write() as session:
        session.add(row)
        session.flush()
        segment_id, path = row.id, row.path
    try:
        file = write(root / path)
    except BaseException:
        # Where the catalog is away too, the intent is collected later.
        with suppress(ChiasmError), catalog.write() as session:
            session.execute(delete(Segment).where(Segment.id == segment_id, Segment.state == "intent"))
        raise
    return PendingSegment(space.id, segment_id, ids, file)


def _checked(ids: Ints, vectors: Floats, space: SpaceFacts) -> Floats:
    if vectors.ndim != 2 or vectors.shape != (len(ids), space.dim):
        raise DimensionError(
            f"vectors of shape {vectors.shape} for {len(ids)} items of a space of {space.dim} dimensions",
            where=f"space {space.id} ({space.kind})",
            remedy="use the model that the space was made with",
        )
    if len(np.unique(ids)) != len(ids):
        raise InputError("an item id occurs twice", where=f"space {space.id}")
    norms = np.linalg.norm(vectors, axis=1)
    wrong = ~(np.isfinite(norms) & (norms > 0))
    if wrong.any():
        raise InputError(
            f"{int(wrong.sum())} vectors are zero or not finite, the first of item {int(ids[wrong][0])}",
            where=f"space {space.id} ({space.kind})",
            remedy="the encoder must give a vector for every item",
        )
    return np.asarray(vectors / norms[:, None], dtype=np.float32)
