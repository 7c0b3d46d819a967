"""Files that work has left behind: uploads, scratch of training, folders of no release, wake-ups."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Failure, Release, WorkUnit
from chiasm.jobs.queueing import OPEN_STATES
from chiasm.upkeep.findings import REPAIR, Finding
from chiasm.upkeep.site import Site

__all__ = ["look"]

#: What training and evaluation make for themselves below a release's folder.
_SCRATCH = ("snapshot", "features", "evaluation", "distillation", "scratch")
_STALE_MESSAGE_S = 60.0


def look(site: Site) -> Iterator[Finding]:
    """Each kind with its number."""
    kinds: dict[str, Callable[[Site], list[Path]]] = {
        "uploads whose jobs have ended": _uploads,
        "folders of models that no release names": _unnamed,
        "snapshots and features that no training needs any more": _scratch,
        "old wake-up messages": _messages,
    }
    sound = True
    for name, find in kinds.items():
        if paths := find(site):
            sound = False
            what = f"{len(paths)} {name}"
            yield Finding("warning", what, REPAIR, len(paths), mend=partial(_remove, paths))
    if sound:
        yield Finding("ok", "no file is left over")


def _uploads(site: Site) -> list[Path]:
    folder = site.settings.home.resolve() / "uploads"
    # Before the units: an upload comes before the unit that reads it, hence also the grace.
    old = [path for path in folder.glob("*") if _is_old(path, site.grace_s)]
    if not old:
        return []
    with site.catalog.read() as session:
        wanted = _read_later(session)
    return [path for path in old if not any(Path(name).is_relative_to(path) for name in wanted)]


def _read_later(session: Session) -> set[str]:
    """Paths that a unit will still read, or would if its failures were replayed."""
    failed = exists().where(Failure.job_id == WorkUnit.job_id, Failure.replayed_at.is_(None))
    payloads = session.scalars(
        select(WorkUnit.payload).where(WorkUnit.kind == "read", WorkUnit.state.in_(OPEN_STATES) | failed)
    )
    named = {payload.get(name) for payload in payloads for name in ("path", "root")}
    return {path for path in named if isinstance(path, str)}


def _unnamed(site: Site) -> list[Path]:
    root = site.settings.models_dir
    folders = [path for path in root.glob("releases/*/*") if path.is_dir() and _is_old(path, site.grace_s)]
    with site.catalog.read() as session:
        named = set(session.scalars(select(Release.folder)))
    # A catalog that knows no release at all is rather the wrong catalog.
    return [path for path in folders if named and path.relative_to(root).as_posix() not in named]


def _scratch(site: Site) -> list[Path]:
    with site.catalog.read() as session:
        busy = exists().where(
            WorkUnit.workspace_id == Release.workspace_id,
            WorkUnit.kind.in_(("train", "build", "evaluate", "distill")),
            WorkUnit.state.in_(OPEN_STATES),
        )
        ended = select(Release.folder).where(Release.state != "building", Release.folder != "", ~busy)
        folders = [site.settings.models_dir / folder for folder in session.scalars(ended)]
    found = [folder / name for folder in folders for name in _SCRATCH]
    return [path for path in found if path.is_dir() and _is_old(path, site.grace_s)]


def _messages(site: Site) -> list[Path]:
    found = (site.settings.queue_dir / "messages").glob("*")
    return [path for path in found if path.is_file() and _is_old(path, _STALE_MESSAGE_S)]


def _is_old(path: Path, grace_s: float) -> bool:
    try:
        return path.stat().st_mtime <= time.time() - grace_s
    except FileNotFoundError:
        return False


def _remove(paths: list[Path]) -> str:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return f"removed {len(paths)}"
