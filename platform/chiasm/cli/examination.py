"""What `chiasm doctor` looks at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from chiasm.catalog import db_now
from chiasm.catalog.models import Asset, Base, Embedding, Entity, Failure, Job, Segment, Space, WorkUnit
from chiasm.errors import ChiasmError

if TYPE_CHECKING:
    from chiasm.client.embedded import OpenHome

__all__ = ["Finding", "examine"]

_OPEN = ("ready", "leased")
_OLD_INTENT_S = 3600.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    check: str
    #: ok, warning or problem.
    level: str
    what: str
    remedy: str | None = None


def examine(home: OpenHome) -> list[Finding]:
    """Everything that was looked at, sound or not.

    Nothing is changed. Files of all live segments are read whole.
    """
    findings: list[Finding] = []
    for check in (_schema, _packages, _segments, _orphans, _missing, _work):
        try:
            findings.extend(check(home))
        except ChiasmError as error:
            findings.append(Finding(check.__name__.strip("_"), "problem", str(error), error.remedy))
    return findings


def _schema(home: OpenHome) -> Iterator[Finding]:
    from chiasm_migrations.upgrade import schema_status

    status = schema_status(home.catalog.engine)
    if status.up_to_date:
        yield Finding("schema", "ok", f"{status.current}, the newest")
    else:
        what = f"{status.current or 'none'}, the newest is {status.newest}"
        yield Finding("schema", "problem", what, "run `chiasm db upgrade`")


def _packages(home: OpenHome) -> Iterator[Finding]:
    found = [f"{name} {number}" for name in ("faiss-cpu", "faiss-gpu") if (number := _version(name))]
    if len(found) == 2:
        remedy = "they share one module; run `pip uninstall faiss-cpu faiss-gpu`, then install one of them"
        yield Finding("faiss", "problem", "both faiss-cpu and faiss-gpu are installed", remedy)
    elif found:
        yield Finding("faiss", "ok", found[0])
    else:
        yield Finding("faiss", "problem", "none is installed", "run `pip install 'chiasm[cpu]'` or `[gpu]`")


def _segments(home: OpenHome) -> Iterator[Finding]:
    from chiasm.spaces import open_segment

    with home.catalog.read() as session:
        live = session.execute(
            select(Segment.path, Segment.sha256, Space.stamp, Space.dim)
            .join(Space, Space.id == Segment.space_id)
            .where(Segment.state == "live")
        ).all()
        stale = session.scalar(
            _count(Segment).where(Segment.state == "intent", Segment.created_at < db_now() - _OLD_INTENT_S)
        )
    damaged = 0
    for path, sha256, stamp, dim in live:
        try:
            open_segment(home.settings.spaces_dir / path, sha256, stamp=stamp, dim=dim)
        except ChiasmError as error:
            damaged += 1
            yield Finding("segments", "problem", str(error.what) + f" in {path}", error.remedy)
    if not damaged:
        yield Finding("segments", "ok", f"{len(live)} match their checksums")
    if stale:
        what = f"{stale} begun long ago and never finished (a killed worker)"
        yield Finding("segments", "warning", what, "harmless; compaction collects them")


def _orphans(home: OpenHome) -> Iterator[Finding]:
    """Vectors of nothing, or in a segment that is not live."""
    of_assets = Space.kind.in_(("text", "image", "audio"))
    joined = _count(Embedding).join(Space, Space.id == Embedding.space_id)
    alive = exists().where(Entity.id == Embedding.item_id, Entity.deleted_at.is_(None))
    live = exists().where(Segment.id == Embedding.segment_id, Segment.state == "live")
    counts = {
        "vectors of assets that are gone": joined.where(
            of_assets, ~exists().where(Asset.id == Embedding.item_id)
        ),
        "vectors of entities that are gone": joined.where(~of_assets, ~alive),
        "vectors in segments that are not live": _count(Embedding).where(~live),
    }
    yield from _counted(home, "orphans", counts, "none", "run `chiasm ingest` of their source again")


def _missing(home: OpenHome) -> Iterator[Finding]:
    """Assets that should be searchable and are not."""
    embedded = exists().where(Embedding.item_id == Asset.id, Embedding.space_id == Space.id)
    somewhere = exists().where(
        Space.kind == Asset.modality, Space.workspace_id == Asset.workspace_id, embedded
    )
    # A pending asset belongs to a unit; with no open unit left, nobody would come for it.
    open_units = exists().where(WorkUnit.workspace_id == Asset.workspace_id, WorkUnit.state.in_(_OPEN))
    counts = {
        "assets marked embedded without a vector": _count(Asset).where(Asset.state == "embedded", ~somewhere),
        "assets pending though no work is open": _count(Asset).where(Asset.state == "pending", ~open_units),
    }
    yield from _counted(home, "missing", counts, "every embedded asset has its vector", "ingest them again")
    with home.catalog.read() as session:
        waiting = session.scalar(_count(Asset).where(Asset.state == "waiting"))
        failed = session.scalar(_count(Asset).where(Asset.state == "failed"))
    if waiting:
        what = f"{waiting} assets wait for an encoder of their modality"
        yield Finding("assets", "warning", what, "run `chiasm train`; its release brings one")
    if failed:
        what = f"{failed} assets could not be used"
        yield Finding("assets", "warning", what, "see `chiasm jobs failures`")


def _work(home: OpenHome) -> Iterator[Finding]:
    from chiasm.jobs import worker_present

    with home.catalog.read() as session:
        ready = session.scalar(_count(WorkUnit).where(WorkUnit.state == "ready")) or 0
        leased = session.scalar(_count(WorkUnit).where(WorkUnit.state == "leased")) or 0
        lost = session.scalar(
            _count(WorkUnit).where(WorkUnit.state == "leased", WorkUnit.lease_until < db_now())
        )
        letters = _dead_letters(session)
    if (ready or leased) and not worker_present(home.settings):
        what = f"{ready} units are ready, {leased} begun, and no worker of this machine serves the home"
        yield Finding("work", "warning", what, "run `chiasm worker` or `chiasm up`")
    else:
        yield Finding("work", "ok", f"{ready} units ready, {leased} in work")
    if lost:
        yield Finding("work", "warning", f"{lost} leases have run out", "the next worker takes them")
    for job_id, count in letters:
        what = f"{count} dead letters in job {job_id}"
        yield Finding("work", "warning", what, f"see `chiasm jobs failures {job_id}`")


def _dead_letters(session: Session) -> list[tuple[int, int]]:
    statement = (
        select(Failure.job_id, func.count())
        .join(Job, Job.id == Failure.job_id)
        .where(Failure.replayed_at.is_(None))
        .group_by(Failure.job_id)
        .order_by(Failure.job_id.desc())
        .limit(10)
    )
    return [(job_id, count) for job_id, count in session.execute(statement)]


def _counted(
    home: OpenHome, check: str, counts: dict[str, Select[Any]], sound: str, remedy: str
) -> Iterator[Finding]:
    with home.catalog.read() as session:
        found = {name: session.scalar(statement) for name, statement in counts.items()}
    bad = {name: count for name, count in found.items() if count}
    for name, count in bad.items():
        yield Finding(check, "problem", f"{count} {name}", remedy)
    if not bad:
        yield Finding(check, "ok", sound)


def _count(table: type[Base]) -> Select[Any]:
    return select(func.count()).select_from(table)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
