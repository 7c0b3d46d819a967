"""From a manifest to vectors, unit by unit: twice, with bad input, interrupted, replayed."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image
from sqlalchemy import func, select
from tests.places import CATALOGS, on

from chiasm import ingest, jobs
from chiasm.catalog.models import Asset, Entity, Job, Triple, Workspace, WorkUnit
from chiasm.errors import ManifestError, NotFoundError, UsageError
from chiasm.ingest import gather
from chiasm.spaces import SpaceReader

from .conftest import Home

pytestmark = on(*CATALOGS)


def png(colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(out, "PNG")
    return out.getvalue()


def wav() -> bytes:
    out = io.BytesIO()
    soundfile.write(out, np.sin(np.arange(800) / 9), 8000, format="WAV")
    return out.getvalue()


def manifest(folder: Path, *records: dict[str, Any] | str, name: str = "m.jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = (record if isinstance(record, str) else json.dumps(record) for record in records)
    path = folder / name
    path.write_text("".join(line + "\n" for line in lines))
    return path


def count(home: Home, model: Any) -> int:
    with home.catalog.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def revision(home: Home) -> int:
    with home.catalog.read() as session:
        return session.get_one(Workspace, home.workspace_id).revision


def test_all_modalities_twice(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    path = manifest(
        folder,
        {"key": "a", "title": "dog", "image": "a.png", "audio": ["a.wav"], "text": ["barks"]},
        {"key": "b", "relations": [{"predicate": "is", "object": "kw:animal"}]},
    )
    (folder / "a.png").write_bytes(png())
    (folder / "a.wav").write_bytes(wav())
    result, _ = home.ingest(path, domain="pets")
    assert result == {"rows": 2, "created": 2, "stubs": 1, "assets": 5, "triples": 1, "embedded": 5}
    assert home.embedded() == {"text": 3, "image": 1, "audio": 1}
    assert revision(home) == 1
    home.given.clear()
    assert home.ingest(path, domain="pets")[0] == {"rows": 2, "unchanged": 2}
    assert not home.given and revision(home) == 1
    # Another content under the same name is embedded anew, alone.
    (folder / "a.png").write_bytes(png("blue"))
    assert home.ingest(path, domain="pets")[0] == {
        "rows": 2, "unchanged": 1, "updated": 1, "assets": 1, "removed": 1, "embedded": 1,
    }  # fmt: skip
    assert home.embedded() == {"text": 3, "image": 1, "audio": 1} and home.given == [1]


def test_bad_records_fail_alone_and_are_replayed(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (tmp_path / "secret.png").write_bytes(png())
    path = manifest(
        folder,
        {"key": "good", "title": "fine"},
        {"key": "x", "colour": "red"},
        '{"key": "cut"',
        {"key": "late", "title": "the file comes later", "image": "late.png"},
        {"key": "out", "image": "../secret.png"},
        {"key": "text", "image": "m.jsonl"},
        {"key": "broken", "title": "has a broken picture", "image": "broken.png"},
        {"key": "silent", "audio": "silent.wav"},
        {"key": "also good", "title": "fine too"},
    )
    (folder / "broken.png").write_bytes(png()[:40])
    soundfile.write(folder / "silent.wav", np.zeros(0), 8000)
    result, job_id = home.ingest(path)
    assert result["failed"] == 7 and result["created"] == 7
    found = {(row.where, row.key): row.error for row in home.failures(job_id)}
    for where, key, what in (
        ("m.jsonl:2", "x", "unknown field 'colour'"),
        ("m.jsonl:3", None, "not JSON"),
        ("m.jsonl:4", "late", "no such file"),
        ("m.jsonl:5", "out", "outside the manifest's folder"),
        ("m.jsonl:6", "text", "not a picture"),
        ("broken.png", "broken", "damaged"),
        ("silent.wav", "silent", "empty"),
    ):
        assert what in found[where, key]["what"] and found[where, key]["remedy"]
    with home.catalog.read() as session:
        assert session.execute(select(Asset.state, func.count()).group_by(Asset.state)).all() == [
            ("embedded", 4),
            ("failed", 2),
        ]
    (folder / "late.png").write_bytes(png())
    assert jobs.retry(home.catalog, job_id) == 7
    home.work()
    assert home.embedded() == {"text": 4, "image": 1}
    assert len(jobs.failures(home.catalog, job_id)) == 6


def test_an_interrupted_read_goes_on(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "_MAX_RECORDS", 10)
    path = manifest(tmp_path / "d", *({"key": f"k{n}", "title": f"number {n}"} for n in range(35)))
    job_id = ingest.submit_ingest(home.settings, home.catalog, home.workspace_id, path)
    beats = []

    def die(self: Any, done: int, *rest: Any) -> None:
        beats.append(done)
        if done == 20:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(jobs.WorkContext, "beat", die)
        with pytest.raises(KeyboardInterrupt):
            home.work()
    assert beats == [0, 10, 20]
    with home.catalog.write() as session:
        unit = session.scalars(select(WorkUnit).where(WorkUnit.kind == "read")).one()
        assert unit.cursor["line"] == 20
        unit.state = "ready"
    home.work()
    result = home.result(job_id)
    assert result["created"] == 35 and result["rows"] == 35 and count(home, Asset) == 35
    assert home.embedded() == {"text": 35}


def test_a_stale_reader_writes_nothing(home: Home, tmp_path: Path) -> None:
    path = manifest(tmp_path / "d", {"key": "a"})
    ingest.submit_ingest(home.settings, home.catalog, home.workspace_id, path)
    claim = jobs.claim(home.catalog, ["ingest"], "slow")[0]
    with home.catalog.write() as session:
        session.get_one(WorkUnit, claim.unit_id).token += 1
    heart = jobs.Heart(home.catalog, claim, lambda: False)
    with pytest.raises(jobs.StaleClaim):
        ingest.read_unit(jobs.WorkContext(home.tools, claim, heart), claim)
    assert count(home, Entity) == 0


def test_vectors_are_those_of_the_content(home: Home, tmp_path: Path) -> None:
    home.ingest(manifest(tmp_path / "d", *({"key": f"k{n}", "title": f"number {n}"} for n in range(600))))
    with home.catalog.read() as session:
        rows = session.execute(select(Asset.id, Asset.value).order_by(Asset.id)).all()
        spaces = ingest.current_spaces(home.tools, home.workspace_id)
    reader = SpaceReader(home.catalog, home.settings.spaces_dir, spaces["text"].id)
    encoder = home.tools.models.encoder("test-hash:text")
    stored = reader.vectors(np.asarray([row.id for row in rows]))
    np.testing.assert_allclose(stored, encoder.encode([row.value for row in rows]), atol=2e-3)


def test_triples_folder_and_records(home: Home, tmp_path: Path) -> None:
    table = tmp_path / "t.tsv"
    table.write_text("a\tis\tkw:dog\na\tis\n")
    result, _ = home.ingest(triples=[table])
    assert result == {"rows": 2, "stubs": 2, "assets": 1, "triples": 1, "embedded": 1, "failed": 1}
    (tmp_path / "media/cats").mkdir(parents=True)
    (tmp_path / "media/cats/tom.png").write_bytes(png())
    assert home.ingest(tmp_path / "media")[0]["embedded"] == 2
    records = [
        {"key": "up", "image": "mine.png"},
        {"key": "raw", "image": png("green")},
        {"key": "no", "image": "/etc/passwd"},
    ]
    job_id = ingest.submit_records(
        home.settings, home.catalog, home.workspace_id, records, files={"mine.png": png("blue")}
    )
    home.work()
    assert home.result(job_id)["created"] == 3 and home.embedded()["image"] == 3
    assert [row.error["what"] for row in home.failures(job_id)] == ["'/etc/passwd' was not uploaded"]


def test_asking_twice_with_one_key_does_it_once(home: Home, tmp_path: Path) -> None:
    path = manifest(tmp_path / "d", {"key": "a"})
    ids = {home.ingest(path, idempotency_key="k")[1] for _ in range(2)}
    assert len(ids) == 1 and count(home, Job) == 1


def test_bad_requests(home: Home, tmp_path: Path) -> None:
    path = manifest(tmp_path / "d", {"key": "a"})
    ask = (home.settings, home.catalog, home.workspace_id)
    for paths, options, kind in (
        ([], {}, UsageError),
        ([tmp_path / "none.jsonl"], {}, NotFoundError),
        ([path], {"mode": "merge"}, UsageError),
        ([path], {"domain": " "}, ManifestError),
        ([], {"triples": path}, ManifestError),
    ):
        with pytest.raises(kind):
            ingest.submit_ingest(*ask, paths, **options)
    with pytest.raises(UsageError):
        ingest.submit_records(*ask, [])
    assert count(home, Job) == 0


def test_deleting(home: Home, tmp_path: Path) -> None:
    path = manifest(
        tmp_path / "d",
        {"key": "a", "title": "dog", "relations": [{"predicate": "next", "object": "b"}]},
        {"key": "b", "title": "cat"},
    )
    home.ingest(path)
    ingest.delete_entity(home.catalog, home.workspace_id, "b")
    assert home.embedded() == {"text": 1} and count(home, Triple) == 0
    before = revision(home)
    ingest.delete_entity(home.catalog, home.workspace_id, "b")
    assert revision(home) == before
    with pytest.raises(NotFoundError):
        ingest.delete_entity(home.catalog, home.workspace_id, "never there")
    result, _ = home.ingest(path)
    assert result["created"] == 1 and result["updated"] == 1
    assert home.embedded() == {"text": 2} and count(home, Triple) == 1


def shared_data() -> Path:
    beside = Path(__file__).resolve().parents[3].parent / "shared" / "data"
    return Path(os.environ.get("CHIASM_SHARED_DATA", beside))


@pytest.mark.shared_data
@pytest.mark.slow
def test_emoji_twice(home: Home) -> None:
    path = shared_data() / "emoji" / "emoji.jsonl"
    if not path.is_file():
        pytest.skip(f"no shared data at {path}")
    first, _ = home.ingest(path)
    assert first["created"] == 1644 and first["failed"] == 0 and first["embedded"] == first["assets"]
    assert home.embedded()["image"] == 1644
    home.given.clear()
    again, _ = home.ingest(path)
    assert again == {"rows": 1644, "unchanged": 1644} and not home.given
    bridge, _ = home.ingest(path.parents[1] / "sounds" / "bridge.tsv")
    assert bridge["triples"] == 23 and bridge["failed"] == 0
