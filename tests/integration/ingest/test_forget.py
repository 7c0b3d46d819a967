"""Forgetting: after it no byte of the home tells, and the receipt says what went."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from tests.places import CATALOGS, on

from chiasm import ingest, jobs
from chiasm.catalog.models import Embedding, Entity, Failure, Release, Segment, Space, WorkUnit
from chiasm.errors import NotFoundError, UsageError
from chiasm.fusion.manifest import read_manifest, write_manifest
from chiasm.ingest import clear, submit_records
from chiasm.releases import forget
from chiasm.releases.feedback import give_feedback, list_feedback
from chiasm.spaces import SpaceReader

from .conftest import Home
from .test_change import fill, found
from .test_units import manifest, png

#: Stands in the key, in every text and in every value of the entity.
MARK = "zyxWVUmarker"
KEY = f"obj:{MARK}-1"


def traces(home: Home, *needles: bytes) -> list[str]:
    """Files of the home that hold any of the needles, in whatever case: the full-text index folds it."""
    files = [path for path in home.settings.home.rglob("*") if path.is_file()]
    return [p.name for p in files if any(needle.lower() in p.read_bytes().lower() for needle in needles)]


def secret(**more: Any) -> dict[str, Any]:
    return {
        "key": KEY,
        "domain": "people",
        "title": f"{MARK} title",
        "text": [f"lives at {MARK}"],
        "image": ["face.png"],
        "attributes": {"mail": f"{MARK}@example.org"},
        "relations": [{"predicate": "knows", "object": "b"}, {"predicate": "says", "value": f"{MARK}!"}],
        **more,
    }


def submit(home: Home, *keys: str, **options: Any) -> dict[str, Any]:
    asked = forget.submit_forget(home.settings, home.catalog, home.workspace_id, keys, **options)
    assert not found(home, MARK) & set(keys)
    home.work()
    home.result(asked.job_id)
    return forget.read_receipt(home.catalog, home.workspace_id, asked.receipt_id)


@pytest.fixture
def full(home: Home, tmp_path: Path) -> Home:
    """The entity was changed, failed in parts, was uploaded, logged, and copied for a release."""
    folder = tmp_path / "data"
    others = [{"key": key, "title": f"number {key}"} for key in "bcdef"]
    manifest(folder, secret(text=[f"earlier {MARK}"]), *others)
    (folder / "face.png").write_bytes(png("green"))
    home.ingest(folder / "m.jsonl")
    broken = secret(image=["face.png", f"{MARK}.png"])
    home.ingest(manifest(folder, broken, f'{{"key": "{KEY}", "x": 1}}', name="n.jsonl"))
    uploads = [secret(audio=["/none.wav"]), {"key": "c", "audio": ["/none.wav"]}]
    submit_records(home.settings, home.catalog, home.workspace_id, uploads, files={"face.png": png("green")})
    home.work()
    for query, key in ((f"who is {MARK} title", "b"), ("somebody", KEY), ("somebody", "c")):
        give_feedback(home.catalog, home.workspace_id, query, accepted=[key])
    (home.settings.home / "uploads/form").mkdir()
    (home.settings.home / "uploads/form/face.png").write_bytes(png("green"))
    (home.settings.home / "uploads/form/t.csv").write_text(f"key,title\n{KEY},x\n")
    (home.settings.home / "uploads/form/kept.csv").write_text("key,title\nb,y\n")
    home.settings.queue_dir.mkdir(exist_ok=True)
    (home.settings.queue_dir / "worker.log").write_text(f"one\nunit 3 failed: {KEY}: no\ntwo\n")
    release(home)
    return home


def release(home: Home) -> None:
    folder = home.settings.models_dir / "releases/1/r1"
    for name in ("snapshot", "evaluation", "fusion"):
        (folder / name).mkdir(parents=True)
        (folder / name / "entities.arrow").write_text(MARK)
    (folder / "fusion/entities.arrow").unlink()
    words = json.dumps({"keys": ["b", KEY]}, indent=1).encode()
    (folder / "fusion/words.json").write_bytes(words)
    classes = json.dumps([["made_by", "b", KEY]], indent=1).encode()
    (folder / "labels").mkdir()
    (folder / "labels/classes.json").write_bytes(classes)
    parts = {"fusion/words.json": words, "labels/classes.json": classes}
    about = {"files": {name: hashlib.sha256(part).hexdigest() for name, part in parts.items()}}
    write_manifest(folder, about)
    with home.catalog.write() as session:
        row = Release(workspace_id=home.workspace_id, number=1, state="retired", folder="releases/1/r1")
        row.recipe, row.metrics, row.gate = {}, {}, {}
        session.add(row)


def test_no_file_tells(full: Home) -> None:
    home = full
    picture = png("green")
    assert {"catalog.sqlite", "worker.log", "words.json", "classes.json"} <= {
        name.removesuffix("-wal") for name in traces(home, MARK.encode(), picture)
    }
    receipt = submit(home, KEY, reason="asked by letter")
    assert traces(home, MARK.encode(), picture) == []
    assert receipt["state"] == "done" and receipt["reason"] == "asked by letter"
    (gone,) = receipt["entities"]
    assert gone["key_sha256"] == hashlib.sha256(KEY.encode()).hexdigest()
    assert hashlib.sha256(picture).hexdigest() in {asset["sha256"] for asset in gone["assets"]}
    assert receipt["releases"] == [{"release": "r1", "state": "retired"}]
    counts = receipt["counts"]
    assert counts["entities"] == 1 and counts["blobs"] == 1 and counts["scratch_folders"] == 2
    assert counts["log_lines"] == 1 and counts["uploads"] == 2 and counts["upload_lines"] == 1
    assert counts["feedback"] == 2
    with home.catalog.read() as session:
        left = list_feedback(session, home.workspace_id)["feedback"]
    assert [(row["query"], row["key"]) for row in left] == [("somebody", "c")]
    assert counts["vectors"] >= 4 and counts["keys_in_releases"] == 2
    assert any("backups" in line for line in receipt["remaining"])


def test_what_belongs_to_others_stays(full: Home) -> None:
    home = full
    submit(home, KEY)
    assert found(home, "number") == set("bcdef")
    assert (home.settings.home / "uploads/form/kept.csv").exists()
    log = (home.settings.queue_dir / "worker.log").read_text().split("\n")
    assert [line.strip() for line in log] == ["one", "", "two", ""]
    about = read_manifest(home.settings.models_dir / "releases/1/r1")
    words = (home.settings.models_dir / "releases/1/r1/fusion/words.json").read_bytes()
    assert about["files"]["fusion/words.json"] == hashlib.sha256(words).hexdigest()
    assert json.loads(words) == {"keys": ["b", ""]}
    classes = (home.settings.models_dir / "releases/1/r1/labels/classes.json").read_bytes()
    assert about["files"]["labels/classes.json"] == hashlib.sha256(classes).hexdigest()
    assert json.loads(classes) == [["made_by", "b", ""]]
    # Another record of the upload failed too; it can still be replayed.
    with home.catalog.read() as session:
        assert session.scalars(select(Failure.key)).all() == ["c"]


def test_segments_hold_live_rows_only(full: Home) -> None:
    home = full
    with home.catalog.read() as session:
        before = session.execute(select(Embedding.space_id, Embedding.item_id)).all()
        doomed = session.scalars(select(Segment.path)).all()
        spaces = session.scalars(select(Space.id)).all()
    kept = {one: SpaceReader(home.catalog, home.settings.spaces_dir, one).all() for one in spaces}
    submit(home, KEY)
    with home.catalog.read() as session:
        left = session.execute(select(Embedding.space_id, Embedding.item_id)).all()
        rows = session.execute(select(Segment.rows, Segment.path, Segment.state)).all()
    assert set(left) < set(before)
    assert sum(row.rows for row in rows) == len(left) and {row.state for row in rows} == {"live"}
    folders = {str(p.relative_to(home.settings.spaces_dir)) for p in home.settings.spaces_dir.glob("*/*")}
    assert folders == {row.path for row in rows} and set(doomed) - folders
    for space_id in spaces:
        ids, vectors = SpaceReader(home.catalog, home.settings.spaces_dir, space_id).all()
        place = {int(one): n for n, one in enumerate(kept[space_id][0])}
        for one, vector in zip(ids, vectors, strict=True):
            assert abs(vector - kept[space_id][1][place[int(one)]]).max() < 1e-3


@on(*CATALOGS)
def test_a_shared_picture_stays(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    path = manifest(folder, secret(), {"key": "twin", "image": ["face.png"]})
    (folder / "face.png").write_bytes(png())
    home.ingest(path)
    receipt = submit(home, KEY)
    assert receipt["counts"]["blobs_shared"] == 1 and traces(home, png()) and not traces(home, MARK.encode())


@on(*CATALOGS)
def test_what_was_deleted_before_can_be_forgotten(home: Home, tmp_path: Path) -> None:
    from chiasm import ingest

    folder = tmp_path / "data"
    path = manifest(folder, secret(), {"key": "b", "title": "other"})
    (folder / "face.png").write_bytes(png())
    home.ingest(path)
    ingest.delete_entity(home.catalog, home.workspace_id, KEY)
    receipt = submit(home, KEY)
    assert receipt["counts"]["vectors"] == 3 and not traces(home, MARK.encode())
    # Ingested once more it is an entity of its own, and can be forgotten again.
    home.ingest(path)
    assert KEY in found(home, "title")
    with home.catalog.read() as session:
        assert len(session.scalars(select(Entity.id)).all()) == 3
    assert submit(home, KEY)["receipt"] == receipt["receipt"] + 1
    assert [row["receipt"] for row in forget.list_receipts(home.catalog, home.workspace_id)] == [2, 1]


@on(*CATALOGS)
def test_a_killed_worker_is_taken_over_from(full: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home = full
    asked = forget.submit_forget(home.settings, home.catalog, home.workspace_id, [KEY])
    for step in ("clear_releases", "scrub"):
        with monkeypatch.context() as patch:
            patch.setattr(f"chiasm.releases.forget.unit.{step}", _die)
            with pytest.raises(KeyboardInterrupt):
                home.work()
        with home.catalog.write() as session:
            session.execute(update(WorkUnit).where(WorkUnit.state == "leased").values(state="ready"))
    home.work()
    receipt = forget.read_receipt(home.catalog, home.workspace_id, asked.receipt_id)
    assert receipt["state"] == "done" and receipt["counts"]["blobs"] == 1
    assert traces(home, MARK.encode(), png("green")) == []


def _die(*arguments: Any) -> Any:
    raise KeyboardInterrupt


def test_a_release_in_the_making_is_named(full: Home) -> None:
    home = full
    with home.catalog.write() as session:
        release_id = session.scalars(select(Release.id)).one()
        job = jobs.create_job(session, home.workspace_id, "train", {})
        jobs.add_units(session, job, "train", [{"release_id": release_id}])
    jobs.claim(home.catalog, ["train"], "trainer")
    receipt = submit(home, KEY)
    assert any("release r1 is being made" in line for line in receipt["remaining"])
    assert traces(home, MARK.encode())


@on(*CATALOGS)
def test_wrong_requests_forget_nothing(home: Home, tmp_path: Path) -> None:
    home.ingest(manifest(tmp_path / "d", {"key": "a", "title": "dog"}))
    for keys, kind in ((["a", "zebra"], NotFoundError), ([], UsageError), (map(str, range(999)), UsageError)):
        with pytest.raises(kind):
            forget.submit_forget(home.settings, home.catalog, home.workspace_id, list(keys))
    assert found(home, "dog") == {"a"}
    with pytest.raises(NotFoundError, match="receipt"):
        forget.read_receipt(home.catalog, home.workspace_id, 1)


@on("postgresql")
def test_a_server_keeps_traces_of_its_own(home: Home, tmp_path: Path) -> None:
    fill(home, tmp_path)
    folder = tmp_path / "data"
    (folder).mkdir()
    (folder / "face.png").write_bytes(png())
    _, job_id = home.ingest(manifest(folder, secret(), {"key": KEY, "x": MARK}))
    assert home.failures(job_id)
    ingest.delete_entity(home.catalog, home.workspace_id, "t1")
    cleared = clear.submit_clear(home.settings, home.catalog, home.workspace_id, "pets")
    home.work()
    assert home.result(cleared)["deleted"] == 25
    assert found(home, "tool") == {"t0", "t2", "t3", "t4", KEY}
    receipt = submit(home, KEY)
    assert receipt["state"] == "done" and receipt["counts"]["blobs"] == 1
    assert any("database server" in line for line in receipt["remaining"])
    assert not traces(home, MARK.encode(), png()) and not home.failures(job_id)
    assert forget.list_receipts(home.catalog, home.workspace_id) == [receipt]
