"""Live segments: their files against size, checksum and stamp; their rows against the catalog; their vectors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from chiasm.catalog.models import Segment, Space
from chiasm.errors import ChiasmError
from chiasm.upkeep.findings import REPAIR, Finding
from chiasm.upkeep.requeue import drop_items
from chiasm.upkeep.site import Site

if TYPE_CHECKING:
    from chiasm.spaces import SegmentFile

__all__ = ["look"]

Ints = NDArray[np.int64]
#: Rows whose lengths are computed at a time.
_ROWS = 65_536
#: How far from 1 the length of a stored unit vector may be (fp16 keeps three digits).
_TOLERANCE = 0.02


class _Live(NamedTuple):
    segment: Segment
    space: Space


def look(site: Site) -> Iterator[Finding]:
    """Every live segment is read whole."""
    with site.catalog.read() as session:
        rows = session.execute(
            select(Segment, Space)
            .join(Space, Space.id == Segment.space_id)
            .where(Segment.state == "live")
            .order_by(Segment.id)
        ).all()
    bad = 0
    for one in rows:
        for finding in _segment(site, _Live(*one)):
            bad += 1
            yield finding
    if not bad:
        yield Finding("ok", f"{len(rows)} match their checksums", figures={"segments": len(rows)})


def _segment(site: Site, live: _Live) -> Iterator[Finding]:
    items = _items(site, live)
    try:
        file = _open(site, live, with_index=True)
    except ChiasmError as error:
        if _gone(site, live):
            return
        what = f"{error.where or live.segment.path}: {error.what}"
        yield Finding("problem", what, REPAIR, len(items), mend=lambda: _mend(site, live, items))
        return
    wrong = _wrong_rows(file, items)
    if len(wrong):
        what = f"{live.segment.path}: {len(wrong)} live vectors are zero, not finite, or not in the segment"
        yield Finding("problem", what, REPAIR, len(wrong), mend=lambda: _again(site, live, wrong))
    found = _phantoms(site, live, file)
    if found:
        what = f"{live.segment.path}: {found} rows are found though the catalog has their items elsewhere"
        yield Finding("problem", what, REPAIR, found, mend=lambda: _mask(site, live, file))


def _items(site: Site, live: _Live) -> Ints:
    """Items whose live row the segment should hold, ascending."""
    from chiasm.spaces import items_of

    with site.catalog.read() as session:
        return items_of(session, live.segment.id)


def _phantoms(site: Site, live: _Live, file: SegmentFile) -> int:
    from chiasm.spaces import phantoms

    with site.catalog.read() as session:
        # Of segments that are older than the list of the dead, readers ask the catalog.
        return len(phantoms(session, live.segment.id, file.ids)) if live.segment.deaths_noted else 0


def _mask(site: Site, live: _Live, file: SegmentFile) -> str:
    from chiasm.spaces import mask_phantoms

    with site.catalog.write() as session:
        count = mask_phantoms(session, live.space.id, live.segment.id, file.ids)
    return f"{count} rows are masked now"


def _open(site: Site, live: _Live, *, with_index: bool) -> SegmentFile:
    from chiasm.spaces import open_segment

    segment, space = live
    folder = site.settings.spaces_dir / segment.path
    return open_segment(folder, segment.sha256, stamp=space.stamp, dim=space.dim, with_index=with_index)


def _gone(site: Site, live: _Live) -> bool:
    """Whether it was merged away while it was looked at."""
    with site.catalog.read() as session:
        return session.scalar(select(Segment.state).where(Segment.id == live.segment.id)) != "live"


def _wrong_rows(file: SegmentFile, items: Ints) -> Ints:
    """Live items without a usable vector; all of them if the segment's ids are out of order."""
    if len(file.ids) and not (np.diff(file.ids) > 0).all():
        return items
    good = np.zeros(len(file.ids), dtype=np.bool_)
    for start in range(0, len(good), _ROWS):
        block = np.asarray(file.block[start : start + _ROWS], dtype=np.float32)
        good[start : start + _ROWS] = np.abs(np.linalg.norm(block, axis=1) - 1.0) < _TOLERANCE
    return np.setdiff1d(items, file.ids[good], assume_unique=True)


def _mend(site: Site, live: _Live, items: Ints) -> str:
    """A segment whose block is sound is written anew from it; else its items are embedded again."""
    from chiasm.spaces import rebuild

    try:
        wrong = _wrong_rows(_open(site, live, with_index=False), items)
    except ChiasmError:
        return _again(site, live, items)
    said = f"; {_again(site, live, wrong)}" if len(wrong) else ""
    count = rebuild(
        site.catalog, site.settings.spaces_dir, live.segment.id, recall=site.settings.recall_target
    )
    return f"built the index of {count} vectors anew from the feature block{said}"


def _again(site: Site, live: _Live, items: Ints) -> str:
    from chiasm.spaces import retire

    count = drop_items(site, live.space, items.tolist())
    with site.catalog.write() as session:
        retire(session, live.space.id)
    job = site.job_of.get(live.space.workspace_id)
    named = f" by job {job}" if job is not None else ""
    return f"{count} vectors are computed again{named}"
