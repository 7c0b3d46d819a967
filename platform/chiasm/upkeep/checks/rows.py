"""Rows of the catalog against their seals: a database's file can be damaged too."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from sqlalchemy import select, text

from chiasm.catalog.models import Asset, Entity
from chiasm.catalog.seals import DamagedRow, broken_rows, seal_rows, unsealed_rows
from chiasm.upkeep.findings import REPAIR, Finding
from chiasm.upkeep.site import Site

__all__ = ["look"]

_SHOWN = 5


def look(site: Site) -> Iterator[Finding]:
    """Damaged rows by table, and rows that no seal protects yet."""
    yield from _database(site)
    broken = sorted(broken_rows(site.catalog), key=lambda row: row[:2])
    for table, rows in groupby(broken, key=lambda row: row.table):
        found = list(rows)
        first = ", ".join(_name(site, row) for row in found[:_SHOWN])
        what = f"{len(found)} rows of table {table} are not what was written: {first}"
        remedy = "restore a backup, or `chiasm delete KEY` and ingest the source again"
        yield Finding("problem", what, remedy, len(found))
    unsealed = unsealed_rows(site.catalog)
    if unsealed:
        # Idle workers do it; nothing is wrong.
        what = f"{unsealed} rows have no seal yet"
        yield Finding("ok", what, REPAIR, unsealed, mend=lambda: _seal(site))
    if not broken:
        yield Finding("ok", "every sealed row is what was written")


def _database(site: Site) -> Iterator[Finding]:
    """What SQLite says of its own file; PostgreSQL has page checksums for that."""
    if site.catalog.engine.dialect.name != "sqlite":
        return
    with site.catalog.read() as session:
        said = list(session.scalars(text(f"PRAGMA integrity_check({_SHOWN})")))
    if said != ["ok"]:
        what = f"the catalog's file is damaged: {'; '.join(said)}"[:500]
        yield Finding("problem", what, "restore a backup")


def _name(site: Site, row: DamagedRow) -> str:
    entity = Entity.id == row.id
    if row.table == "asset":
        entity = Entity.id.in_(select(Asset.entity_id).where(Asset.id == row.id))
    if row.table == "job" or row.workspace_id is None:
        return f"{row.table} {row.id}"
    with site.catalog.read() as session:
        key = session.scalar(select(Entity.key).where(entity))
    return f"{row.table} {row.id} ({key})"


def _seal(site: Site) -> str:
    sealed = 0
    while count := seal_rows(site.catalog):
        sealed += count
    return f"sealed {sealed} rows"
