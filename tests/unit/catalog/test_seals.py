"""Seals: every writer's rows agree with them, and a byte changed in the database's file is found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update

from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset, Domain, Entity, Job
from chiasm.catalog.seals import broken_rows, seal_rows, unsealed_rows
from chiasm_migrations.upgrade import upgrade_schema


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    upgrade_schema(catalog.engine)
    workspace_id = catalog.workspace_id("default")
    common = {"workspace_id": workspace_id}
    with catalog.write() as session:
        domain = Domain(**common, name="letters")
        session.add(domain)
        session.flush()
        for n in range(3):
            entity = Entity(
                **common,
                key=f"key-{n}-marker",
                title=f"Größe {n}",
                domain_id=domain.id,
                attributes={"b": n, "a": [1.5]},
            )
            session.add(entity)
            session.flush()
            session.add(
                Asset(
                    **common,
                    entity_id=entity.id,
                    modality="text",
                    sha256=f"{n}" * 64,
                    value=f"value-{n}-marker",
                    size_bytes=3,
                )
            )
        session.add(Job(**common, kind="ingest", params={"paths": ["job-marker"]}, result={}))
    return catalog


def test_rows_are_sealed_once(catalog: Catalog) -> None:
    assert unsealed_rows(catalog) == 7 and not list(broken_rows(catalog))
    assert seal_rows(catalog) == 7 and unsealed_rows(catalog) == 0
    assert seal_rows(catalog) == 0 and not list(broken_rows(catalog))


@pytest.mark.parametrize(
    ("statement", "unsealed"),
    [
        (update(Entity).values(title="new"), 3),
        (update(Entity).where(Entity.id == 1).values(attributes={"c": 1}), 1),
        (update(Entity).where(Entity.id == 2).values(deleted_at=1.0, record_hash=None), 1),
        (update(Asset).values(position=4), 3),
        (update(Job).values(params={}), 1),
        # What work changes all the time takes no seal away.
        (update(Asset).values(state="embedded", error="x"), 0),
        (update(Entity).values(record_hash="x"), 0),
        (update(Job).values(state="done", result={"n": 1}), 0),
    ],
)
def test_a_writer_need_know_nothing_of_seals(catalog: Catalog, statement: object, unsealed: int) -> None:
    seal_rows(catalog)
    with catalog.write() as session:
        session.execute(statement)  # type: ignore[call-overload]
    assert unsealed_rows(catalog) == unsealed
    seal_rows(catalog)
    assert not list(broken_rows(catalog))


def test_a_change_by_the_orm_too(catalog: Catalog) -> None:
    seal_rows(catalog)
    with catalog.write() as session:
        session.get_one(Entity, 1).title = None
        assert session.scalar(select(func.count()).select_from(Entity)) == 3
    assert unsealed_rows(catalog) == 1


@pytest.mark.parametrize(
    ("marker", "table"),
    [
        (b"key-1-marker", "entity"),
        ("Größe 1".encode(), "entity"),
        (b'"a": [1.5]', "entity"),
        (b"value-1-marker", "asset"),
        (b"1" * 64, "asset"),
        (b"job-marker", "job"),
    ],
)
@pytest.mark.parametrize("bit", [1, 0x80], ids=["another letter", "no text"])
def test_a_flipped_bit_in_the_file_is_found(
    catalog: Catalog, tmp_path: Path, marker: bytes, table: str, bit: int
) -> None:
    seal_rows(catalog)
    with catalog.engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    catalog.close()
    copy = tmp_path / "copy.sqlite"
    shutil.copy(tmp_path / "catalog.sqlite", copy)
    content = bytearray(copy.read_bytes())
    # The last occurrence lies in the table; indexes and the first pages come before.
    places = [n for n in range(len(content)) if content.startswith(marker, n)]
    assert places
    for place in places:
        content[place + 3] ^= bit
    copy.write_bytes(content)
    found = list(broken_rows(Catalog(f"sqlite:///{copy}")))
    assert {row.table for row in found} == {table} and len(found) in {1, 3}
