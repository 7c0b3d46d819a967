"""Segments that nobody needs: retired, begun and abandoned, or unknown to the catalog."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import func, select

from chiasm.catalog import db_now
from chiasm.catalog.models import Segment
from chiasm.upkeep.findings import REPAIR, Finding
from chiasm.upkeep.site import Site

__all__ = ["look"]

#: No lease lives so long without its segment's commit.
_ABANDONED_S = 6 * 3600.0


def look(site: Site) -> Iterator[Finding]:
    """Rows to be collected, and folders without a row."""
    # Before the rows: a segment's row is there before its folder.
    folders = sorted(path for path in site.settings.spaces_dir.glob("*/*") if path.is_dir())
    abandoned_s = min(_ABANDONED_S, site.grace_s)
    with site.catalog.read() as session:
        known = set(session.scalars(select(Segment.path)))
        old = (Segment.state == "intent") & (Segment.created_at < db_now() - abandoned_s)
        count = select(func.count()).select_from(Segment)
        retired = session.scalar(count.where(Segment.state == "retired")) or 0
        abandoned = session.scalar(count.where(old)) or 0
    unknown = [path for path in folders if _path(site, path) not in known]
    if retired or abandoned:
        what = f"{retired} segments are retired, {abandoned} were begun long ago and never finished"
        count_all = retired + abandoned
        # Merged segments are retired all the time; idle workers collect them.
        level = "warning" if abandoned else "ok"
        yield Finding(level, what, REPAIR, count_all, mend=lambda: _collect(site, abandoned_s))
    if unknown and not known:
        what = f"the catalog names none of the {len(unknown)} segments: is it the catalog of this home?"
        yield Finding("warning", what, "check CHIASM_DATABASE_URL", len(unknown))
    elif unknown:
        what = f"{len(unknown)} folders under spaces/ are not in the catalog"
        yield Finding("warning", what, REPAIR, len(unknown), mend=lambda: _remove(unknown))
    if not (retired or abandoned or unknown):
        yield Finding("ok", f"{len(folders)} segments, each in the catalog")


def _path(site: Site, folder: Path) -> str:
    return folder.relative_to(site.settings.spaces_dir).as_posix().removesuffix(".tmp")


def _collect(site: Site, abandoned_s: float) -> str:
    from chiasm.spaces import collect

    gone = collect(site.catalog, site.settings.spaces_dir, intent_grace_s=abandoned_s)
    return f"collected {gone} segments"


def _remove(folders: list[Path]) -> str:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    return f"removed {len(folders)} folders"
