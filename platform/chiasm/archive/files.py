"""The files that a catalog names: blobs, live segments, model folders, uploads still to be read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Subquery, case, func, literal, select

from chiasm.archive.layout import blob_member
from chiasm.archive.tape import CHUNK_BYTES
from chiasm.catalog.models import Asset, MergePart, Release, Segment, WorkUnit
from chiasm.errors import DamagedError, NotFoundError
from chiasm.fusion.manifest import RELEASE_FILE, read_manifest
from chiasm.jobs.queueing import OPEN_STATES
from chiasm.media import BlobStore
from chiasm.settings import Settings

__all__ = ["Source", "expected_bytes", "home_files"]

_MANIFEST = "manifest.json"
#: How an uploaded record names a medium that lies in the blob store already.
_UPLOADED = re.compile(rb'"upload:([0-9a-f]{64})"')


class Source(NamedTuple):
    """A file to copy: its name in the backup, its size, its bytes, and what they must hash to, if known."""

    name: str
    size: int
    chunks: Iterator[bytes]
    sha256: str | None
    #: For errors.
    where: str


def expected_bytes(connection: Connection) -> int:
    """About how many bytes the blobs and segments have together."""
    media = select(func.coalesce(func.sum(Asset.size_bytes), 0)).where(Asset.modality != "text")
    vectors = select(func.coalesce(func.sum(Segment.size_bytes), 0)).where(Segment.state == "live")
    return int(connection.scalar(media) or 0) + int(connection.scalar(vectors) or 0)


def home_files(connection: Connection, settings: Settings) -> Iterator[Source]:
    """Every file of the home that the catalog names, each once.

    Raises:
        DamagedError: One is missing or does not match its checksum.
    """
    yield from _segments(connection, settings.spaces_dir)
    yield from _models(connection, settings.models_dir)
    store = BlobStore(settings.blobs_url)
    yield from _uploads(connection, settings.home.resolve() / "uploads", store)
    yield from _blobs(connection, store)


def _segments(connection: Connection, root: Path) -> Iterator[Source]:
    live = select(Segment.path, Segment.sha256).where(Segment.state == "live").order_by(Segment.id)
    for path, sha256 in connection.execution_options(yield_per=1000).execute(live):
        folder = root / path
        manifest = _file(folder / _MANIFEST, f"spaces/{path}/{_MANIFEST}", sha256)
        yield manifest
        entries: dict[str, Any] = json.loads((folder / _MANIFEST).read_bytes())["files"]
        for name, entry in sorted(entries.items()):
            yield _file(folder / name, f"spaces/{path}/{name}", entry["sha256"])


def _models(connection: Connection, root: Path) -> Iterator[Source]:
    rows = connection.execute(
        select(Release.folder, Release.state)
        .where(Release.state != "failed", Release.folder != "")
        .order_by(Release.id)
    )
    for name, state in rows.all():
        folder = root / name
        # Written when training is done; a release without it begins anew from its job.
        if state == "building" and not (folder / RELEASE_FILE).exists():
            continue
        if not folder.is_dir() and state != "retired":
            raise DamagedError(
                "a release's model folder is missing",
                where=str(folder),
                remedy="put it back, or train and promote another release",
            )
        sums = _stated(folder, state) if folder.is_dir() else {}
        for source in _tree(folder, f"models/{name}"):
            stated = sums.pop(source.name.removeprefix(f"models/{name}/"), None)
            yield source._replace(sha256=stated)
        if sums:
            raise _missing(folder / min(sums))


def _stated(folder: Path, state: str) -> dict[str, str]:
    """What the files of a release must hash to; nothing for one that was retired and has no manifest."""
    try:
        return dict(read_manifest(folder)["files"])
    except NotFoundError as error:
        if state in ("building", "retired"):
            return {}
        raise _missing(folder / RELEASE_FILE) from error


def _uploads(connection: Connection, root: Path, store: BlobStore) -> Iterator[Source]:
    """What units that are not done yet have to read, and the media that only these records name."""
    open_units = select(WorkUnit.payload).where(WorkUnit.kind == "read", WorkUnit.state.in_(OPEN_STATES))
    tops: set[Path] = set()
    for payload in connection.scalars(open_units).all():
        for path in (Path(payload.get("path") or ""), Path(payload.get("root") or "")):
            if path != root and path.is_relative_to(root):
                tops.add(root / path.relative_to(root).parts[0])
    named: set[str] = set()
    for top in sorted(tops):
        yield from _tree(top, f"uploads/{top.name}")
        if top.is_file():
            named |= _named_media(top)
    for address in sorted(named):
        known = _named()
        known_here = select(func.count()).select_from(known).where(known.c.address == address)
        if not connection.scalar(known_here):
            data = store.get(address)
            yield Source(blob_member(address), len(data), iter([data]), address, address)


def _named_media(records: Path) -> set[str]:
    with records.open("rb") as file:
        return {found.decode() for line in file for found in _UPLOADED.findall(line)}


def _tree(top: Path, name: str) -> Iterator[Source]:
    if top.is_file():
        yield _file(top, name, None)
        return
    for path in sorted(top.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield _file(path, f"{name}/{path.relative_to(top).as_posix()}", None)


def _blobs(connection: Connection, store: BlobStore) -> Iterator[Source]:
    # A medium that could not be decoded is kept where it is there, and missed by nobody where it is not.
    # That holds for the content of merged entities as well: it is needed if they are taken apart.
    named = _named()
    chosen = select(named.c.address, func.max(named.c.must)).group_by(named.c.address)
    ordered = chosen.order_by(named.c.address)
    for address, must in connection.execution_options(yield_per=1000).execute(ordered):
        try:
            data = store.get(address)
        except NotFoundError as error:
            if not must:
                continue
            raise DamagedError(
                "a picture or sound is missing",
                where=f"{store.url}: {address}",
                remedy="ingest its record again (if it was deleted just now, only run the backup again)",
            ) from error
        yield Source(blob_member(address), len(data), iter([data]), address, address)


def _named() -> Subquery:
    """Addresses of media, and whether each must be there."""
    must = case((Asset.state != "failed", 1), else_=0).label("must")
    assets = select(Asset.sha256.label("address"), must).where(Asset.modality != "text")
    merged = select(MergePart.sha256.label("address"), literal(0).label("must")).where(
        MergePart.kind == "asset", MergePart.content["modality"].as_string() != "text"
    )
    return assets.union_all(merged).subquery()


def _file(path: Path, name: str, sha256: str | None) -> Source:
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise _missing(path) from error
    return Source(name, size, _chunks(path, size), sha256, str(path))


def _missing(path: Path) -> DamagedError:
    return DamagedError(
        "file is missing", where=str(path), remedy="run `chiasm doctor`, then the backup again"
    )


def _chunks(path: Path, size: int) -> Iterator[bytes]:
    """At most `size` bytes: a file that grows meanwhile is taken as long as it was."""
    left = size
    with path.open("rb") as file:
        while left and (chunk := file.read(min(left, CHUNK_BYTES))):
            left -= len(chunk)
            yield chunk
