"""A whole home as one file, made while work goes on."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from chiasm.archive import layout
from chiasm.archive.aside import aside
from chiasm.archive.counters import read_counters
from chiasm.archive.files import expected_bytes, home_files
from chiasm.archive.listing import ListedTape
from chiasm.archive.rows import dump_table, tables_in_order
from chiasm.archive.snapshot import catalog_at_one_moment
from chiasm.archive.tape import tape_target
from chiasm.archive.watch import Step, Watch, unwatched
from chiasm.catalog import Catalog
from chiasm.catalog.seals import broken_rows_of
from chiasm.errors import ConflictError, DamagedError, UsageError
from chiasm.settings import Settings
from chiasm_encoders.durable import sync_folder

__all__ = ["BackupReport", "backup"]

#: Damaged rows that an error names.
_SHOWN = 5


@dataclass(frozen=True)
class BackupReport:
    """What a backup holds."""

    file: str
    #: Of the file.
    bytes: int
    seconds: float
    schema: str
    #: Rows by table.
    tables: dict[str, int]
    #: Files by folder: blobs, spaces, models, uploads.
    files: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        return asdict(self)


def backup(settings: Settings, catalog: Catalog, file: Path, *, watch: Watch = unwatched) -> BackupReport:
    """Write catalog, blobs, live segments and models into one file; others go on writing meanwhile.

    The catalog is taken as it is at one moment, and then exactly the files that it names. Each is checked
    as it is copied. `chiasm.toml` is left out: it says where *this* installation keeps its parts.

    Args:
        settings: The home.
        catalog: Its catalog.
        file: Where to; packed if it ends in `.gz`, `.tgz` or `.zst`. A file of that name is replaced when the
            new one is whole.
        watch: Told how far it is.

    Raises:
        UsageError: There is no such folder, or a folder has that name.
        ConflictError: The catalog's schema is not the newest.
        DamagedError: Something does not match its checksum; no backup is made of it.
    """
    from chiasm.spaces import kept
    from chiasm_migrations.upgrade import schema_status

    status = schema_status(catalog.engine)
    if not status.up_to_date or status.current is None:
        raise ConflictError(
            "the catalog's schema is not the newest",
            where=settings.home.name,
            remedy="run `chiasm db upgrade`",
        )
    if file.is_dir():
        raise UsageError("a folder has this name", where=str(file), remedy="name a file, as in home.tar.gz")
    began = time.monotonic()
    with aside(file, "backup") as scratch, kept(settings.spaces_dir):
        whole = scratch / f"backup{file.suffix}"
        with (
            catalog_at_one_moment(catalog, scratch) as connection,
            tape_target(whole) as stream,
            (scratch / layout.MEMBERS).open("x+b") as members,
        ):
            _check_rows(connection)
            tape = ListedTape(stream, members, _header(settings, connection, status.current))
            _copy_rows(connection, tape, watch)
            _copy_files(connection, tape, settings, watch)
            tape.close()
        _commit(whole, file)
    seconds = round(time.monotonic() - began, 3)
    tables, files = dict(tape.tables), dict(tape.files)
    return BackupReport(str(file), file.stat().st_size, seconds, status.current, tables, files)


def _header(settings: Settings, connection: Connection, schema: str) -> dict[str, Any]:
    return {
        "format": layout.FORMAT,
        "schema": schema,
        "created_at": time.time(),
        "counters": read_counters(connection),
        # Units name files there; where they are restored it is another folder.
        "uploads": str(settings.home.resolve() / "uploads"),
    }


def _check_rows(connection: Connection) -> None:
    broken = list(islice(broken_rows_of(connection), _SHOWN))
    if broken:
        raise DamagedError(
            "rows are not what was written",
            where="catalog: " + ", ".join(f"{row.table} {row.id}" for row in broken),
            remedy="`chiasm doctor` names all of them; restore an older backup, or delete these entities and "
            "ingest their source again",
        )


def _copy_rows(connection: Connection, tape: ListedTape, watch: Watch) -> None:
    for table in tables_in_order():
        watch(Step(f"catalog: {table.name}", 0))
        for rows, data in dump_table(connection, table):
            tape.add_rows(table.name, rows, data)
            watch(Step(f"catalog: {table.name}", tape.tables[table.name]))


def _copy_files(connection: Connection, tape: ListedTape, settings: Settings, watch: Watch) -> None:
    done, total = 0, expected_bytes(connection)
    for source in home_files(connection, settings):
        found = tape.add(source.name, source.size, source.chunks)
        if source.sha256 is not None and found != source.sha256:
            raise DamagedError(
                "file differs from its checksum",
                where=source.where,
                remedy="run `chiasm doctor --repair`, then the backup again",
            )
        tape.files[source.name.split("/")[0]] += 1
        done += source.size
        watch(Step("files", done, max(total, done)))


def _commit(whole: Path, file: Path) -> None:
    with whole.open("rb") as handle:
        os.fsync(handle)
    whole.replace(file)
    sync_folder(file.parent)
