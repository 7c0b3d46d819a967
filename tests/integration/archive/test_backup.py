"""Backup and restore of a home on SQLite: equal, checked, all or nothing."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select
from tests.integration.archive.conftest import answers, files, rows, target
from tests.integration.ingest.conftest import Home

from chiasm.archive import Step, backup, restore
from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset, Entity, Release, WorkUnit
from chiasm.cli import main
from chiasm.errors import ChiasmError, ConflictError, DamagedError, NotFoundError, UsageError
from chiasm.fusion.manifest import RELEASE_FILE, write_manifest
from chiasm.spaces import collect, collecting


def settled(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Rows with the leases of units taken back, as a restore does."""
    return {name: listed for name, listed in found.items() if name != "work_unit"}


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tgz", ".tar.zst"])
def test_a_home_comes_back_equal(filled: Home, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"home{suffix}"
    steps: list[Step] = []
    report = backup(filled.settings, filled.catalog, file, watch=steps.append)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert report.bytes == file.stat().st_size and report.tables["entity"] == report.tables["entity"]
    assert {step.stage for step in steps} >= {"catalog: entity", "files"}
    assert steps[-1].done == steps[-1].total

    home = target(tmp_path / "other")
    done = restore(file, home)
    assert (done.tables, done.files) == (report.tables, report.files)
    catalog = Catalog.open(home)
    assert settled(rows(catalog)) == settled(rows(filled.catalog))
    catalog.close()
    for folder in ("blobs", "spaces"):
        assert files(home.home / folder) == files(filled.settings.home / folder)
    kept = files(filled.settings.models_dir)
    assert files(home.models_dir) == {name: data for name, data in kept.items() if "/r1/" not in name}
    assert sorted(path.name for path in home.home.iterdir() if path.is_dir()) == ["blobs", "models", "spaces"]
    assert answers(home) == answers(filled.settings)


def test_any_tar_lists_it_and_its_manifest_names_every_file(whole: Path) -> None:
    with tarfile.open(whole) as tape:
        names = tape.getnames()
        members = [json.loads(line) for line in tape.extractfile("members.jsonl") or ()]
        manifest = json.load(tape.extractfile("manifest.json") or io.BytesIO())
    assert names[0] == "header.json" and names[-3:] == ["members.jsonl", "manifest.json", "manifest.sha256"]
    assert [name for name, _, _ in members] == names[:-3]
    assert manifest["format"] == 1 and manifest["schema"] and manifest["tables"]["entity"] > 25
    assert len(names) == len(set(names))


def test_work_that_was_claimed_goes_on(whole: Path, tmp_path: Path, filled: Home) -> None:
    home = target(tmp_path / "other")
    restore(whole, home)
    catalog = Catalog.open(home)
    before = {row[0]: row for row in rows(filled.catalog)["work_unit"]}
    with catalog.read() as session:
        found = {
            row["id"]: row
            for row in session.connection().exec_driver_sql("select * from work_unit").mappings()
        }
    states = [row["state"] for row in found.values()]
    assert states.count("ready") == 2 and "leased" not in states and len(found) == len(before)
    assert all(
        row["owner"] is None and row["lease_until"] is None
        for row in found.values()
        if row["state"] == "ready"
    )
    from chiasm import jobs

    assert len(jobs.claim(catalog, ["ingest"], "another", limit=5)) >= 1
    catalog.close()


def test_new_rows_get_new_ids(
    whole: Path, tmp_path: Path, make_home: Callable[..., Home], toys: Path
) -> None:
    restore(whole, target(tmp_path / "other"))
    home = make_home(tmp_path / "other")
    manifest = tmp_path / "new.jsonl"
    manifest.write_text('{"key": "new:1", "text": "fresh words"}\n')
    counts, _ = home.ingest(manifest)
    assert counts["created"] == 1
    again, _ = home.ingest(toys)
    assert again["unchanged"] == 24 and not again["created"]
    home.catalog.close()


def test_ids_that_were_given_never_come_again(make_home: Callable[..., Home], tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    (tmp_path / "x.jsonl").write_text('{"key": "x:1"}\n{"key": "x:2"}\n')
    home.ingest(tmp_path / "x.jsonl")
    with home.catalog.write() as session:
        session.execute(delete(Entity).where(Entity.key == "x:2"))
    backup(home.settings, home.catalog, tmp_path / "home.tar")
    home.catalog.close()
    restore(tmp_path / "home.tar", target(tmp_path / "other"))
    other = make_home(tmp_path / "other")
    (tmp_path / "x.jsonl").write_text('{"key": "x:3"}\n')
    other.ingest(tmp_path / "x.jsonl")
    with other.catalog.read() as session:
        assert session.scalars(select(Entity.id).order_by(Entity.id)).all() == [1, 3]
    other.catalog.close()


def test_backup_while_others_write(make_home: Callable[..., Home], toys: Path, tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    home.ingest(toys)
    stop, failed = threading.Event(), []

    def keep_ingesting() -> None:
        number = 0
        try:
            while not stop.is_set():
                number += 1
                manifest = tmp_path / f"{number}.jsonl"
                lines = ({"key": f"k:{number}-{at}", "text": f"text {number} {at}"} for at in range(20))
                manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
                home.ingest(manifest)
                collect(home.catalog, home.settings.spaces_dir)
        except Exception as error:  # noqa: BLE001 - the test's own thread tells what it met
            failed.append(error)

    writer = threading.Thread(target=keep_ingesting)
    writer.start()
    try:
        made = []
        for number in range(4):
            made.append(tmp_path / f"{number}.tar")
            backup(home.settings, home.catalog, made[-1])
    finally:
        stop.set()
        writer.join()
    assert not failed
    sizes = []
    for number, file in enumerate(made):
        other = target(tmp_path / f"other-{number}")
        restore(file, other)
        catalog = Catalog.open(other)
        found = rows(catalog)
        catalog.close()
        entities = [row for row in found["entity"] if row[2].startswith("k:")]
        # Each batch of twenty was one transaction: a state between two has whole ones only.
        assert len(entities) % 20 == 0
        sizes.append(len(entities))
        embedded = {row[1] for row in found["embedding"]}
        pending = {row[0] for row in found["asset"] if row[12] == "pending"}
        assert {row[0] for row in found["asset"]} <= embedded | pending
    assert sizes == sorted(sizes) and sizes[-1] > 0


def test_nothing_is_collected_while_a_backup_copies(filled: Home, tmp_path: Path) -> None:
    free: list[bool] = []

    def look(step: Step) -> None:
        with collecting(filled.settings.spaces_dir) as may:
            free.append(may)

    backup(filled.settings, filled.catalog, tmp_path / "home.tar", watch=look)
    assert free and not any(free)
    with collecting(filled.settings.spaces_dir) as may:
        assert may


@pytest.mark.parametrize("occupied", ["catalog", "spaces", "blobs"])
def test_only_an_empty_home_is_filled(
    whole: Path, tmp_path: Path, make_home: Callable[..., Home], occupied: str
) -> None:
    home = make_home(tmp_path / "other")
    if occupied == "catalog":
        manifest = tmp_path / "new.jsonl"
        manifest.write_text('{"key": "new:1", "title": "mine"}\n')
        home.ingest(manifest)
    else:
        (home.settings.home / occupied / "x").mkdir(parents=True)
    before, held = files(home.settings.home), rows(home.catalog)
    with pytest.raises(ConflictError, match="not empty"):
        restore(whole, home.settings)
    assert rows(home.catalog) == held and files(home.settings.home).keys() == before.keys()
    home.catalog.close()


def test_a_fresh_home_is_empty_and_stays_so_after_an_error(
    whole: Path, tmp_path: Path, make_home: Callable[..., Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_home(tmp_path / "other")
    held = rows(home.catalog)
    monkeypatch.setattr("os.sync", lambda: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(ChiasmError, match="No space left"):
        restore(whole, home.settings)
    monkeypatch.undo()
    assert rows(home.catalog) == held
    assert not [name for name in files(home.settings.home) if not name.startswith("catalog.sqlite")]
    home.catalog.close()
    restore(whole, home.settings)
    assert len(rows(home.catalog)["entity"]) > 25
    home.catalog.close()


def test_what_cannot_be_written_leaves_nothing(filled: Home, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        backup(filled.settings, filled.catalog, tmp_path / "no" / "home.tar")
    with pytest.raises(UsageError, match="folder has this name"):
        backup(filled.settings, filled.catalog, tmp_path)
    with pytest.raises(NotFoundError):
        restore(tmp_path / "none.tar", target(tmp_path / "other"))
    assert list(tmp_path.iterdir()) == []


def test_uploads_that_are_still_to_be_read_come_along(
    make_home: Callable[..., Home], toys: Path, tmp_path: Path
) -> None:
    from chiasm.ingest import submit_records

    home = make_home(tmp_path / "home")
    picture = next((toys.parent / "img").iterdir()).read_bytes()
    records = [{"key": "up:1", "title": "sent", "image": picture}]
    submit_records(home.settings, home.catalog, home.workspace_id, records)
    done = submit_records(home.settings, home.catalog, home.workspace_id, [{"key": "up:2"}])
    with home.catalog.write() as session:
        session.query(WorkUnit).filter(WorkUnit.job_id == done).update({"state": "done"})
    report = backup(home.settings, home.catalog, tmp_path / "home.tar")
    assert report.files == {"uploads": 1, "blobs": 1}
    home.catalog.close()
    shutil.rmtree(home.settings.home)

    restore(tmp_path / "home.tar", target(tmp_path / "other"))
    other = make_home(tmp_path / "other")
    assert other.work()["read"] == 1
    with other.catalog.read() as session:
        found = session.scalars(select(Asset).where(Asset.modality == "image")).one()
        assert found.state == "embedded" and found.size_bytes == len(picture)
    other.catalog.close()


def test_an_unfinished_training_is_left_to_begin_anew(
    make_home: Callable[..., Home], toys: Path, tmp_path: Path
) -> None:
    home = make_home(tmp_path / "home")
    with home.catalog.write() as session:
        for number, state in ((1, "building"), (2, "building"), (3, "candidate")):
            row = {
                "workspace_id": home.workspace_id,
                "number": number,
                "state": state,
                "folder": f"releases/1/r{number}",
            }
            session.add(Release(**row, recipe={}, metrics={}, gate={}))
    for name in ("r1/checkpoint.safetensors", "r2/release.json", "r3/release.json"):
        path = home.settings.models_dir / "releases/1" / name
        path.parent.mkdir(parents=True)
        path.write_text("{}")
        if path.name == RELEASE_FILE:
            write_manifest(path.parent, {"files": {}})
    backup(home.settings, home.catalog, tmp_path / "home.tar")
    restore(tmp_path / "home.tar", target(tmp_path / "other"))
    assert set(files(tmp_path / "other" / "models")) == {
        "releases/1/r2/release.json",
        "releases/1/r3/release.json",
    }
    shutil.rmtree(home.settings.models_dir / "releases/1/r3")
    with pytest.raises(DamagedError, match="model folder"):
        backup(home.settings, home.catalog, tmp_path / "again.tar")
    home.catalog.close()


def run(capsys: pytest.CaptureFixture[str], *arguments: str, home: Path) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(["--home", str(home), *arguments])
    said = capsys.readouterr()
    return int(caught.value.code or 0), said.out, said.err


def test_the_commands(filled: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "backup", str(tmp_path / "home.tar"), "--json", home=filled.settings.home)
    report = json.loads(out)
    assert code == 0 and report["bytes"] == (tmp_path / "home.tar").stat().st_size
    other = tmp_path / "other"
    code, out, _ = run(capsys, "restore", str(tmp_path / "home.tar"), "--json", home=other)
    assert code == 0 and json.loads(out)["tables"] == report["tables"]
    assert (other / "chiasm.toml").exists()
    code, out, err = run(capsys, "restore", str(tmp_path / "home.tar"), home=other)
    assert code == 1 and "not empty" in err and not out
    code, out, err = run(capsys, "export", "--format", "parquet", str(tmp_path / "out"), home=other)
    assert code == 0 and "25 entities" in out and "chiasm ingest" in err
    code, out, _ = run(capsys, "export", "--format", "doc", str(tmp_path / "out2"), "--json", home=other)
    assert code == 2 and json.loads(out)["error"] == "usage"
