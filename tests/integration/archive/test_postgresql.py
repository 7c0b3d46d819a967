"""Backups of one database restored into the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.archive.conftest import answers, fill, rows
from tests.integration.ingest.conftest import Home

from chiasm.archive import backup, restore
from chiasm.catalog import Catalog
from chiasm.errors import ConflictError, DamagedError
from chiasm.settings import Settings


def all_rows(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    catalog = Catalog.open(settings)
    try:
        return {name: listed for name, listed in rows(catalog).items() if name != "work_unit"}
    finally:
        catalog.close()


def test_sqlite_to_postgresql_and_back(
    filled: Home, make_home: Callable[..., Home], postgres_url: str, tmp_path: Path
) -> None:
    backup(filled.settings, filled.catalog, tmp_path / "first.tar.gz")
    server = filled.settings.model_copy(update={"home": tmp_path / "server", "database_url": postgres_url})
    done = restore(tmp_path / "first.tar.gz", server)
    assert all_rows(server) == all_rows(filled.settings)
    assert answers(server) == answers(filled.settings)
    with pytest.raises(ConflictError, match="not empty"):
        restore(tmp_path / "first.tar.gz", server.model_copy(update={"home": tmp_path / "third"}))
    assert not (tmp_path / "third").exists()

    catalog = Catalog.open(server)
    report = backup(server, catalog, tmp_path / "second.tar")
    catalog.close()
    assert report.tables == done.tables
    local = filled.settings.model_copy(update={"home": tmp_path / "local"})
    restore(tmp_path / "second.tar", local)
    assert all_rows(local) == all_rows(filled.settings)
    assert answers(local) == answers(filled.settings)


def test_new_rows_follow_the_restored_ones(
    filled: Home, make_home: Callable[..., Home], postgres_url: str, tmp_path: Path
) -> None:
    backup(filled.settings, filled.catalog, tmp_path / "home.tar")
    home = make_home(tmp_path / "server", database_url=postgres_url)
    restore(tmp_path / "home.tar", home.settings)
    (tmp_path / "new.jsonl").write_text(
        '{"key": "new:1", "text": "fresh", "relations": [{"predicate": "new", "object": "new:2"}]}\n'
    )
    counts, _ = home.ingest(tmp_path / "new.jsonl")
    assert counts["created"] == 1
    home.catalog.close()


def test_a_failed_restore_leaves_the_database_empty(
    filled: Home, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup(filled.settings, filled.catalog, tmp_path / "home.tar")
    server = filled.settings.model_copy(update={"home": tmp_path / "server", "database_url": postgres_url})

    def fail() -> None:
        raise DamagedError("the disk is gone", where="here", remedy="get another")

    monkeypatch.setattr("os.sync", fail)
    with pytest.raises(DamagedError):
        restore(tmp_path / "home.tar", server)
    monkeypatch.undo()
    assert not (tmp_path / "server").exists()
    catalog = Catalog.open(server)
    with catalog.engine.connect() as connection:
        from sqlalchemy import inspect

        assert inspect(connection).get_table_names() == []
    catalog.close()
    restore(tmp_path / "home.tar", server)


def test_a_backup_of_postgresql_is_of_one_moment(
    make_home: Callable[..., Home], postgres_url: str, toys: Path, tmp_path: Path
) -> None:
    home = fill(make_home(tmp_path / "home", database_url=postgres_url), toys)
    manifest = tmp_path / "late.jsonl"
    manifest.write_text('{"key": "late:1", "text": "came in the middle"}\n')
    late: list[int] = []

    def ingest_once(step: object) -> None:
        if not late:
            late.append(1)
            home.ingest(manifest)

    before = rows(home.catalog)["entity"]
    report = backup(home.settings, home.catalog, tmp_path / "home.tar", watch=ingest_once)
    assert report.tables["entity"] == len(before) == len(rows(home.catalog)["entity"]) - 1
    other = home.settings.model_copy(update={"home": tmp_path / "other", "database_url": ""})
    restore(tmp_path / "home.tar", other)
    assert all_rows(other)["entity"] == before
    home.catalog.close()
