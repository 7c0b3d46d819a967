"""Removing dead rows for good: segments that hold any are written anew without them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Embedding, Segment
from chiasm.spaces.compaction import collect, retire, segments_of
from chiasm.spaces.reader import SpaceReader
from chiasm.spaces.view import Part
from chiasm.spaces.writer import write_segment

__all__ = ["Purged", "purge_dead"]


class Purged(NamedTuple):
    """What was cleared of a space."""

    #: Segments written anew or given up.
    segments: int
    #: Rows that are in no file any more.
    rows: int


def purge_dead(
    catalog: Catalog, root: Path, space_id: int, beat: Callable[[], None] = lambda: None
) -> Purged:
    """Leave no vector in the files of a space but those of its live items.

    Masked rows (of what was deleted or replaced) stay in a segment until it is merged; this is for those that
    must not. Each segment is its own short transaction: interrupted, it goes on when it is called again.

    Args:
        catalog: Knows the live rows.
        root: Folder of all spaces.
        space_id: The space.
        beat: Called between segments; may raise to end early.
    """
    view = SpaceReader(catalog, root, space_id).view
    segments = rows = 0
    for part in (*view.cached, *view.indexed):
        dead = len(part.segment.ids) - len(part.ids)
        if dead:
            beat()
            _rewrite(catalog, root, space_id, part, view.stamp)
            segments, rows = segments + 1, rows + dead
    with catalog.write() as session:
        empty = _rows_without_life(session, space_id)
        given_up = retire(session, space_id)
    collect(catalog, root, space_id)
    return Purged(segments + given_up, rows + empty)


def _rewrite(catalog: Catalog, root: Path, space_id: int, part: Part, stamp: str) -> None:
    pending = write_segment(catalog, root, space_id, part.ids, part.vectors(), stamp=stamp)
    with catalog.write() as session:
        old = segments_of(session, root, space_id, [part])
        pending.take_over(session, old)
        session.execute(update(Segment).where(Segment.id.in_(old)).values(state="retired"))


def _rows_without_life(session: Session, space_id: int) -> int:
    used = select(Embedding.segment_id).where(Embedding.segment_id == Segment.id).exists()
    found = session.scalars(
        select(Segment.rows).where(Segment.space_id == space_id, Segment.state == "live", ~used)
    )
    return sum(found)
