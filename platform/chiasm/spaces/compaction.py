"""Keeping a space tidy: segments merged by size, superseded ones and abandoned intents cleared away."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

from sqlalchemy import Select, delete, exists, func, select, update
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog, db_now
from chiasm.catalog.models import DeadRow, Embedding, Segment
from chiasm.errors import NotFoundError
from chiasm.spaces.facts import SpaceFacts, space_facts
from chiasm.spaces.keeping import collecting, merging
from chiasm.spaces.live import items_of, settle, used
from chiasm.spaces.merging import merged
from chiasm.spaces.part import Part
from chiasm.spaces.parts import live_parts, only
from chiasm.spaces.segment import open_segment
from chiasm.spaces.tiers import due
from chiasm.spaces.tuning import RECALL
from chiasm.spaces.writer import PendingSegment, stream_segment

__all__ = ["collect", "compact", "crowded", "rebuild", "replace_parts", "retire"]

#: Fewer small segments than this are left alone.
_MIN_SEGMENTS = 8
#: An intent older than this was abandoned: no lease lives so long without its segment's commit.
_INTENT_GRACE_S = 6 * 3600.0
_PLAIN = {"synchronize_session": False}


def crowded(catalog: Catalog, min_segments: int = _MIN_SEGMENTS) -> list[int]:
    """Spaces whose segments are worth merging, or whose rows have still to follow a merger."""
    with catalog.read() as session:
        sizes: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
        for space_id, segment_id, rows, dead in session.execute(_sizes()):
            sizes[space_id][segment_id] = (rows, rows - (dead or 0))
        waiting = session.scalars(
            select(Segment.space_id)
            .where(Segment.merged_into.is_not(None), exists().where(Embedding.segment_id == Segment.id))
            .distinct()
        ).all()
    return sorted({*waiting, *(space_id for space_id, rows in sizes.items() if due(rows, min_segments))})


def compact(
    catalog: Catalog,
    root: Path,
    space_id: int,
    *,
    min_segments: int = _MIN_SEGMENTS,
    recall: float = RECALL,
) -> int:
    """Merge segments of a space into one of the kind that suits its size; how many were merged (0: none).

    One worker of a machine at a time; others find nothing to do. Items that change while the merged segment is
    written keep their newer row. Old files stay until `collect`.

    Args:
        catalog: Knows the live rows.
        root: Folder of all spaces.
        space_id: The space.
        min_segments: Fewer small segments than this are left alone.
        recall: What an index is tuned to.
    """
    with merging(root, space_id) as mine:
        if not mine:
            return 0
        settle(catalog, space_id)
        with catalog.read() as session:
            space, parts = live_parts(session, root, space_id)
        chosen = due({one: (len(p.row_ids), len(p)) for one, p in parts.items()}, min_segments)
        if chosen:
            replace_parts(catalog, root, space, {one: parts[one] for one in chosen}, recall=recall)
        return len(chosen)


def replace_parts(
    catalog: Catalog, root: Path, space: SpaceFacts, parts: dict[int, Part], *, recall: float = RECALL
) -> int:
    """Write the live rows of segments anew, as one segment in their place; how many rows live in it.

    Args:
        catalog: Knows the live rows.
        root: Folder of all spaces.
        space: As it was when the parts were read.
        parts: Live segments by id.
        recall: What an index is tuned to.
    """
    ids, blocks = merged(list(parts.values()), space.dim)
    pending = stream_segment(catalog, root, space, ids, blocks, recall=recall)
    with catalog.write() as session:
        moved = pending.take_over(session, list(parts), space.generation)
        if not moved:
            _give_up(session, pending)
        retire(session, space.id)
    settle(catalog, space.id)
    return moved


def rebuild(catalog: Catalog, root: Path, segment_id: int, *, recall: float = RECALL) -> int:
    """Write a segment's live rows anew, from its feature block to its index; how many.

    Raises:
        NotFoundError: There is no such live segment.
        DamagedError: The block is damaged too.
    """
    with catalog.read() as session:
        row = session.get(Segment, segment_id)
        if row is None or row.state != "live":
            raise NotFoundError("no such live segment", where=f"segment {segment_id}")
        space = space_facts(session, row.space_id)
        items = items_of(session, segment_id)
    segment = open_segment(root / row.path, row.sha256, stamp=space.stamp, dim=space.dim, with_index=False)
    return replace_parts(catalog, root, space, {segment_id: only(Part(segment), items)}, recall=recall)


def retire(session: Session, space_id: int) -> int:
    """Mark the live segments that hold no live row any more, in the caller's write transaction; how many."""
    gone = session.scalars(
        update(Segment)
        .where(Segment.space_id == space_id, Segment.state == "live", ~used())
        .values(state="retired")
        .returning(Segment.id),
        execution_options=_PLAIN,
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
        session.execute(update(Segment).where(old).values(state="retired"), execution_options=_PLAIN)
        # Rows that have still to follow a merger name their old segment.
        named = exists().where(Embedding.segment_id == Segment.id)
        chosen = select(Segment.id, Segment.path).where(Segment.state == "retired", ~named)
        if space_id is not None:
            chosen = chosen.where(Segment.space_id == space_id)
        gone = session.execute(chosen).all()
    for _, path in gone:
        shutil.rmtree(root / path, ignore_errors=True)
        shutil.rmtree((root / path).with_name((root / path).name + ".tmp"), ignore_errors=True)
    for segment_id, _ in gone:
        with catalog.write() as session:
            session.execute(delete(DeadRow).where(DeadRow.segment_id == segment_id))
            session.execute(delete(Segment).where(Segment.id == segment_id))
    return len(gone)


def _give_up(session: Session, pending: PendingSegment) -> None:
    gone = update(Segment).where(Segment.id == pending.segment_id, Segment.state.in_(("intent", "live")))
    session.execute(gone.values(state="retired"), execution_options=_PLAIN)


def _sizes() -> Select[int, int, int, int]:
    dead = (
        select(DeadRow.segment_id, func.count().label("dead")).group_by(DeadRow.segment_id).subquery("dead")
    )
    return (
        select(Segment.space_id, Segment.id, Segment.rows, dead.c.dead)
        .join(dead, dead.c.segment_id == Segment.id, isouter=True)
        .where(Segment.state == "live")
    )
