"""The live segments of a space, opened once, and which of their rows are alive."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Segment, table_of
from chiasm.spaces.facts import SpaceFacts, space_facts
from chiasm.spaces.kinds.base import Ints
from chiasm.spaces.live import dead_of, dead_since, items_of
from chiasm.spaces.part import Part
from chiasm.spaces.segment import open_segment

__all__ = ["live_parts", "only"]

_SEGMENT = table_of(Segment).c
_LIVE = (
    select(_SEGMENT.id, _SEGMENT.path, _SEGMENT.sha256, _SEGMENT.deaths_noted, _SEGMENT.rows)
    .where(_SEGMENT.space_id == bindparam("space_id"), _SEGMENT.state == "live")
    .order_by(_SEGMENT.id)
)


def live_parts(
    session: Session, root: Path, space_id: int, known: Mapping[Path, Part] | None = None, since: int = 0
) -> tuple[SpaceFacts, dict[int, Part]]:
    """A space, and its live segments that have a live row, by id in the order of their ids.

    Args:
        session: To read with.
        root: Folder of all spaces.
        space_id: The space.
        known: Parts that were read before, by folder: only what changed since is read.
        since: Generation of the space then.

    Raises:
        NotFoundError: There is no such space.
        DamagedError: A live segment is missing, truncated or changed.
    """
    known = known or {}
    space = space_facts(session, space_id)
    segments = session.execute(_LIVE, {"space_id": space_id}).all()
    dead = _by_segment(*dead_since(session, space_id, since))
    # One that was dropped because nothing of it lives is as unknown as a new one: it died before.
    unknown = [row[0] for row in segments if root / row[1] not in known] if since else []
    if unknown:
        dead |= _by_segment(*dead_of(session, unknown))
    parts = {}
    for segment_id, path, sha256, noted, rows in segments:
        part = known.get(root / path)
        if part is None:
            if len(dead.get(segment_id, ())) >= rows:
                continue
            part = _opened(root / path, sha256, space)
            if not noted:
                part = only(part, items_of(session, segment_id))
        if segment_id in dead:
            part = part.without(dead[segment_id])
        if len(part):
            parts[segment_id] = part
    return space, parts


def _opened(folder: Path, sha256: str, space: SpaceFacts) -> Part:
    segment = open_segment(folder, sha256, stamp=space.stamp, dim=space.dim, lazy=True)
    if not segment.guard.complete:
        segment.guard.watch()
    return Part(segment)


def only(part: Part, items: Ints) -> Part:
    """Of a segment whose deaths nobody noted, what the catalog says is alive."""
    return part.without(np.setdiff1d(part.row_ids, items, assume_unique=True))


def _by_segment(segments: Ints, items: Ints) -> dict[int, Ints]:
    order = np.argsort(segments, kind="stable")
    names, starts = np.unique(segments[order], return_index=True)
    return dict(zip(names.tolist(), np.split(items[order], starts[1:]), strict=True)) if len(names) else {}
