"""A backup into an empty home or database: all of it, or nothing."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chiasm.archive.layout import TREES
from chiasm.archive.loading import load_tables, prepare_schema
from chiasm.archive.restoring import RowCheck
from chiasm.archive.staging import Staged, unpack
from chiasm.archive.watch import Watch, unwatched
from chiasm.catalog import Catalog
from chiasm.errors import ChiasmError, ConflictError
from chiasm.media import BlobStore
from chiasm.settings import Settings

__all__ = ["RestoreReport", "restore"]


@dataclass(frozen=True)
class RestoreReport:
    """What was restored."""

    file: str
    home: str
    seconds: float
    schema: str
    #: When the backup was made, seconds since the epoch.
    created_at: float
    #: Rows by table.
    tables: dict[str, int]
    #: Files by folder: blobs, spaces, models, uploads.
    files: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        return asdict(self)


def restore(file: Path, settings: Settings, *, watch: Watch = unwatched) -> RestoreReport:
    """Bring a backup into the empty home of these settings, and its schema to the newest.

    Nothing is visible before every file has been checked; after an error the target is as it was. Units that
    were being worked on can be claimed anew. Row ids stay the same, in SQLite and PostgreSQL alike.

    Args:
        file: What `backup` wrote.
        settings: Of the home to fill; it need not exist.
        watch: Told how far it is.

    Raises:
        NotFoundError: There is no such file.
        ConflictError: The home or the database holds something already.
        DamagedError: The backup is cut short or a file in it has changed.
        InputError: It is no backup, or holds what no backup holds.
    """
    began = time.monotonic()
    _check_empty(settings)
    with _aside(settings) as scratch:
        staged = unpack(file, scratch, watch)
        with _catalog(settings) as catalog:
            _take_over(staged, settings, catalog, file.name, watch)
        manifest = staged.manifest
        return RestoreReport(
            str(file),
            str(settings.home),
            round(time.monotonic() - began, 3),
            str(manifest["schema"]),
            float(manifest["created_at"]),
            dict(manifest["tables"]),
            dict(manifest["files"]),
        )


def _take_over(staged: Staged, settings: Settings, catalog: Catalog, where: str, watch: Watch) -> None:
    from chiasm_migrations.upgrade import upgrade_within

    manifest = staged.manifest
    uploads = (str(manifest.get("uploads", "")), settings.home.resolve() / "uploads")
    check = RowCheck(staged.folder, where, uploads)
    # The files are in place before the commit that makes them count, and gone again if it fails.
    engine = catalog.engine.execution_options(chiasm_write=True)
    with engine.connect() as connection, _Placed() as placed, connection.begin():
        prepare_schema(connection, str(manifest["schema"]), where)
        load_tables(connection, staged, where, check, watch)
        upgrade_within(connection)
        _check_empty(settings)
        places = {name: settings.home.resolve() / name for name in TREES}
        if settings.blob_url:
            placed.put_blobs(staged.folder / "blobs", BlobStore(settings.blobs_url))
        else:
            places["blobs"] = Path(settings.blobs_url)
        for name, target in places.items():
            placed.move(staged.folder / name, target)
        # One flush of all instead of one for each of a million files.
        os.sync()


class _Placed:
    """Files brought to where they belong; taken back if what follows fails."""

    def __init__(self) -> None:
        self._undo = ExitStack()

    def __enter__(self) -> _Placed:
        return self

    def __exit__(self, kind: type[BaseException] | None, *about: object) -> None:
        if kind is not None:
            self._undo.close()

    def move(self, source: Path, target: Path) -> None:
        """Rename what is in a folder into another; the two are on one disk."""
        if not source.is_dir():
            return
        if not target.exists():
            target.mkdir(parents=True)
            self._undo.callback(target.rmdir)
        for child in sorted(source.iterdir()):
            child.rename(target / child.name)
            self._undo.callback((target / child.name).rename, child)

    def put_blobs(self, folder: Path, store: BlobStore) -> None:
        """Copy blobs into a store that is not in the home; what it had already stays whatever happens."""
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_file() and not store.has(path.name):
                self._undo.callback(store.delete, path.name)
                store.put(path.read_bytes())


def _check_empty(settings: Settings) -> None:
    names = [*TREES, *(() if settings.blob_url else ("blobs",))]
    for name in names:
        folder = settings.home / name
        found = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        if any(not name.startswith(".") for name in found):
            raise ConflictError(
                "the home is not empty",
                where=str(folder),
                remedy="restore into a new home (`--home`), or move this one away first",
            )
    if not settings.database_url and (settings.home / "catalog.sqlite").exists():
        _check_catalog(settings)


def _check_catalog(settings: Settings) -> None:
    """Say it before a large backup is unpacked; the transaction that loads it looks again."""
    from sqlalchemy import func, inspect, select

    from chiasm.archive.rows import tables_in_order

    catalog = Catalog.open(settings)
    try:
        with catalog.engine.connect() as connection:
            there = set(inspect(connection).get_table_names()) - {"workspace"}
            for table in tables_in_order():
                name = table.name
                if name in there and connection.scalar(select(func.count()).select_from(table)):
                    raise ConflictError(
                        f"the home is not empty: its catalog has rows in {name!r}",
                        where=str(settings.home),
                        remedy="restore into a new home (`--home`), or move this one away first",
                    )
    finally:
        catalog.close()


@contextmanager
def _catalog(settings: Settings) -> Iterator[Catalog]:
    """The target's catalog; a file that an error leaves empty goes."""
    file = None if settings.database_url else settings.home / "catalog.sqlite"
    fresh = file is not None and not file.exists()
    catalog = Catalog.open(settings)
    try:
        yield catalog
    except BaseException:
        catalog.close()
        if file is not None and fresh:
            for path in file.parent.glob(file.name + "*"):
                path.unlink()
        raise
    else:
        catalog.close()


@contextmanager
def _aside(settings: Settings) -> Iterator[Path]:
    """A folder in the home, so that files come into place by renaming; gone afterwards."""
    fresh = not settings.home.exists()
    scratch = settings.home / f".restore-{uuid.uuid4().hex}"
    try:
        scratch.mkdir(parents=True)
        yield scratch
    except OSError as error:
        raise ChiasmError(
            f"the backup cannot be restored: {error.strerror or error}",
            where=str(error.filename or settings.home),
            remedy="make room, or restore elsewhere; nothing half done was left",
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if fresh and settings.home.is_dir() and not any(settings.home.iterdir()):
            settings.home.rmdir()
