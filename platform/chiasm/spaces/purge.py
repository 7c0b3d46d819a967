"""Removing dead rows for good: segments that hold any are written anew without them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Segment
from chiasm.spaces.compaction import collect, replace_parts, retire
from chiasm.spaces.live import used
from chiasm.spaces.parts import live_parts
from chiasm.spaces.tuning import RECALL

__all__ = ["Purged", "purge_dead"]


#: A merger that is under way may bring a row back that died since it began: looked at again, so often at most.
_PASSES = 3


class Purged(NamedTuple):
    """What was cleared of a space."""

    #: Segments written anew or given up.
    segments: int
    #: Rows that are in no file any more.
    rows: int


def purge_dead(
    catalog: Catalog,
    root: Path,
    space_id: int,
    beat: Callable[[], None] = lambda: None,
    *,
    recall: float = RECALL,
) -> Purged:
    """Leave no vector in the files of a space but those of its live items.

    Masked rows (of what was deleted or replaced) stay in a segment until it is merged; this is for those that
    must not. Each segment is its own short transaction: interrupted, it goes on when it is called again.

    Args:
        catalog: Knows the live rows.
        root: Folder of all spaces.
        space_id: The space.
        beat: Called between segments; may raise to end early.
        recall: What an index is tuned to.
    """
    with catalog.write() as session:
        rows = _rows_without_life(session, space_id)
        segments = retire(session, space_id)
    for _ in range(_PASSES):
        cleared = _pass(catalog, root, space_id, beat, recall)
        segments, rows = segments + cleared.segments, rows + cleared.rows
        if not cleared.segments:
            break
    collect(catalog, root, space_id)
    return Purged(segments, rows)


def _pass(catalog: Catalog, root: Path, space_id: int, beat: Callable[[], None], recall: float) -> Purged:
    segments = rows = 0
    with catalog.read() as session:
        space, parts = live_parts(session, root, space_id)
    for segment_id, part in parts.items():
        if dead := len(part.row_ids) - len(part):
            beat()
            replace_parts(catalog, root, space, {segment_id: part}, recall=recall)
            segments, rows = segments + 1, rows + dead
    return Purged(segments, rows)


def _rows_without_life(session: Session, space_id: int) -> int:
    found = session.scalars(
        select(Segment.rows).where(Segment.space_id == space_id, Segment.state == "live", ~used())
    )
    return sum(found)
