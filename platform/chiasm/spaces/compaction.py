"""Keeping a space tidy: small segments merged, superseded ones and abandoned intents cleared away."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog, db_now
from chiasm.catalog.models import Embedding, Segment, Space
from chiasm.errors import NotFoundError
from chiasm.spaces.keeping import collecting
from chiasm.spaces.reader import SpaceReader
from chiasm.spaces.segment import open_segment
from chiasm.spaces.view import Part
from chiasm.spaces.writer import write_segment

__all__ = ["collect", "compact", "rebuild", "retire", "segments_of"]

#: A segment of up to so many live rows is worth merging.
_SMALL_ROWS = 16_384
#: Fewer small segments than this are left alone.
_MIN_SEGMENTS = 8
#: An intent older than this was abandoned: no lease lives so long without its segment's commit.
_INTENT_GRACE_S = 6 * 3600.0


def compact(
    catalog: Catalog,
    root: Path,
    space_id: int,
    *,
    min_segments: int = _MIN_SEGMENTS,
    small_rows: int = _SMALL_ROWS,
) -> int:
    """Merge the small segments of a space into one; how many were merged (0: not worth it).

    Items that change while the merged segment is written keep their newer row. Old files stay until `collect`.
    """
    view = SpaceReader(catalog, root, space_id).view
    small = [p for p in (*view.cached, *view.indexed) if len(p.ids) <= small_rows]
    if len(small) < max(min_segments, 1):
        return 0
    ids = np.concatenate([part.ids for part in small])
    vectors = np.concatenate([part.vectors() for part in small])
    pending = write_segment(catalog, root, space_id, ids, vectors, stamp=view.stamp)
    with catalog.write() as session:
        pending.take_over(session, segments_of(session, root, space_id, small))
        retire(session, space_id)
    return len(small)


def rebuild(catalog: Catalog, root: Path, segment_id: int) -> int:
    """Write a segment's live rows anew, from its feature block to its index; how many.

    Raises:
        NotFoundError: There is no such live segment.
        DamagedError: The block is damaged too.
    """
    with catalog.read() as session:
        row = session.get(Segment, segment_id)
        if row is None or row.state != "live":
            raise NotFoundError("no such live segment", where=f"segment {segment_id}")
        space = session.get_one(Space, row.space_id)
        ids = _items_of(session, [segment_id])
    segment = open_segment(root / row.path, row.sha256, stamp=space.stamp, dim=space.dim, with_index=False)
    ids = np.intersect1d(ids, segment.ids)
    vectors = np.asarray(segment.block[segment.rows_of(ids)], dtype=np.float32)
    pending = write_segment(catalog, root, space.id, ids, vectors, stamp=space.stamp)
    with catalog.write() as session:
        moved = pending.take_over(session, [segment_id])
        retire(session, space.id)
    return moved


def retire(session: Session, space_id: int) -> int:
    """Mark the live segments that hold no live row any more, in the caller's write transaction; how many."""
    used = select(Embedding.segment_id).where(Embedding.segment_id == Segment.id).exists()
    gone = session.scalars(
        update(Segment)
        .where(Segment.space_id == space_id, Segment.state == "live", ~used)
        .values(state="retired")
        .returning(Segment.id),
        execution_options={"synchronize_session": False},
    )
    return len(gone.all())


def collect(
    catalog: Catalog, root: Path, space_id: int | None = None, *, intent_grace_s: float = _INTENT_GRACE_S
) -> int:
    """Delete the files of retired segments and of abandoned intents; how many segments went.

    Readers keep what they have mapped: a deleted file lives on until its last map is closed. While a backup
    copies segments nothing goes; the next collection makes up for it.
    """
    with collecting(root) as free:
        return _collect(catalog, root, space_id, intent_grace_s) if free else 0


def _collect(catalog: Catalog, root: Path, space_id: int | None, intent_grace_s: float) -> int:
    old = (Segment.state == "intent") & (Segment.created_at < db_now() - intent_grace_s)
    with catalog.write() as session:
        # An intent must turn before its files go, so that a late commit is refused.
        session.execute(
            update(Segment).where(old).values(state="retired"),
            execution_options={"synchronize_session": False},
        )
        chosen = select(Segment.id, Segment.path).where(Segment.state == "retired")
        if space_id is not None:
            chosen = chosen.where(Segment.space_id == space_id)
        gone = session.execute(chosen).all()
    for _, path in gone:
        shutil.rmtree(root / path, ignore_errors=True)
        shutil.rmtree((root / path).with_name((root / path).name + ".tmp"), ignore_errors=True)
    with catalog.write() as session:
        session.execute(delete(Segment).where(Segment.id.in_([segment_id for segment_id, _ in gone])))
    return len(gone)


def segments_of(session: Session, root: Path, space_id: int, parts: Sequence[Part]) -> Sequence[int]:
    """Ids of the segments that parts of a view are of."""
    paths = [str(part.segment.folder.relative_to(root)) for part in parts]
    return session.scalars(
        select(Segment.id).where(Segment.space_id == space_id, Segment.path.in_(paths))
    ).all()


def _items_of(session: Session, segment_ids: Sequence[int]) -> np.ndarray:
    """Items whose live row is in one of the segments."""
    found = session.scalars(select(Embedding.item_id).where(Embedding.segment_id.in_(segment_ids)))
    return np.asarray(found.all(), dtype=np.int64)
