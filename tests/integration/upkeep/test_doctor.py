"""Every kind of damage: named by the doctor, repaired, gone the second time, and the answers are as before."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update
from tests.integration.ingest.test_units import manifest

from chiasm.catalog.models import (
    Asset,
    Embedding,
    Release,
    Segment,
    Space,
    Triple,
)
from chiasm.catalog.seals import broken_rows, seal_rows, unsealed_rows
from chiasm.errors import DamagedError
from chiasm.fusion.manifest import read_manifest, write_manifest
from chiasm.fusion.runtime import FusionModel
from chiasm.ingest import delete_entity
from chiasm.jobs import add_units, create_job
from chiasm.spaces import SpaceReader

from .conftest import RECORDS, Clinic
from .damages import DAMAGES, cut, file_at, flip, unused_blob


def test_a_sound_home_has_no_findings(clinic: Clinic) -> None:
    report = clinic.doctor(repair=True)
    assert clinic.wrong() == {} and report.healthy and not report.jobs
    assert json.loads(json.dumps(report.to_dict()))["healthy"]
    recalls = [one.figures["recall@10"] for one in report.findings if one.check == "recall"]
    assert recalls == [1.0] * 4


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_named_repaired_and_gone(clinic: Clinic, name: str) -> None:
    damage, check = DAMAGES[name]
    before = clinic.answers()
    damage(clinic)
    assert check in clinic.wrong()
    # Looking changes nothing.
    assert check in clinic.wrong()
    report = clinic.doctor(repair=True)
    mended = [one for one in report.findings if one.repaired is not None]
    assert report.healthy and check in {one.check for one in mended}, report.to_dict()
    clinic.home.work()
    clinic.doctor(repair=True)
    assert clinic.wrong() == {}
    assert clinic.answers() == before
    assert not clinic.doctor(repair=True).jobs


@pytest.mark.parametrize("how", [flip, cut, Path.unlink], ids=["byte", "cut", "gone"])
def test_a_lost_picture_is_asked_for_and_comes_back(clinic: Clinic, how: Callable[[Path], None]) -> None:
    before = clinic.answers()
    how(clinic.blob())
    assert clinic.wrong() == {"blobs": "problem"}
    report = clinic.doctor(repair=True)
    # Only the user has it: prepared for, not healed.
    assert not report.healthy and clinic.wrong() == {"blobs": "problem"}
    clinic.home.ingest(clinic.source)
    assert clinic.wrong() == {} and clinic.answers() == before


def test_a_sample_finds_what_is_missing(clinic: Clinic) -> None:
    clinic.blob().unlink()
    assert not clinic.doctor(full=False).healthy


@pytest.mark.parametrize(
    "name", ["fusion/model.safetensors", "graph/model.safetensors", "fusion/config.json"]
)
@pytest.mark.parametrize("how", [flip, cut, Path.unlink], ids=["byte", "cut", "gone"])
def test_damaged_models_are_named(clinic: Clinic, name: str, how: Callable[[Path], None]) -> None:
    how(clinic.home.settings.models_dir / "r1" / name)
    assert clinic.wrong() == {"models": "problem"}
    found = next(one for one in clinic.doctor(repair=True).findings if one.check == "models")
    assert name in found.what and found.remedy and found.repaired is None


@pytest.mark.parametrize("at", [0.02, 0.3, 0.6, 0.97])
def test_a_flipped_bit_in_a_release_manifest_is_found(clinic: Clinic, at: float) -> None:
    folder = clinic.home.settings.models_dir / "r1"
    write_manifest(folder, read_manifest(folder))
    assert clinic.wrong() == {}
    flip(folder / "release.json", at)
    assert clinic.wrong() == {"models": "problem"}
    with pytest.raises(DamagedError) as caught:
        FusionModel.load(folder)
    assert "release.json" in str(caught.value.where) and caught.value.remedy


def test_release_without_manifest(clinic: Clinic) -> None:
    (clinic.home.settings.models_dir / "r1" / "release.json").unlink()
    assert clinic.wrong() == {"models": "problem"}


@pytest.mark.parametrize("how", [flip, cut, Path.unlink], ids=["byte", "cut", "gone"])
@pytest.mark.parametrize("name", ["block.npy", "ids.npy", "index.faiss", "manifest.json"])
def test_a_reader_refuses_what_is_damaged(clinic: Clinic, name: str, how: Callable[[Path], None]) -> None:
    _, space = clinic.segment("text")
    how(clinic.folder("text") / name)
    with pytest.raises(DamagedError) as caught:
        SpaceReader(clinic.catalog, clinic.home.settings.spaces_dir, space.id)
    assert name in str(caught.value.where) and "doctor --repair" in str(caught.value.remedy)


def test_without_a_release_assets_go_where_the_default_encoders_say(clinic: Clinic) -> None:
    before = {name: row for name, row in clinic.answers().items() if not name.startswith("fused")}
    with clinic.catalog.write() as session:
        session.connection().exec_driver_sql("UPDATE workspace SET active_release_id = NULL")
        session.execute(delete(Embedding))
    assert clinic.wrong()["missing"] == "problem"
    assert clinic.doctor(repair=True).healthy
    clinic.home.work()
    clinic.doctor(repair=True)
    assert clinic.wrong() == {} and clinic.answers() == before


def test_another_catalog_is_not_taken_for_an_empty_home(clinic: Clinic) -> None:
    """With the wrong database URL nothing is known of the files, and nothing of them is removed."""
    with clinic.catalog.write() as session:
        for table in (Embedding, Segment, Triple, Asset):
            session.execute(delete(table))
        session.execute(update(Release).values(folder="elsewhere"))
    files = sorted(path for part in ("blobs", "spaces") for path in (clinic.root / part).rglob("*"))
    clinic.doctor(repair=True)
    assert files == sorted(path for part in ("blobs", "spaces") for path in (clinic.root / part).rglob("*"))


def test_work_for_another_space_is_not_taken_for_what_is_missing(clinic: Clinic) -> None:
    """The text encoder of training keeps a space of its own; embedding into it fills no other."""
    with clinic.catalog.write() as session:
        own = session.scalars(select(Space).where(Space.kind == "text")).one()
        other = Space(workspace_id=own.workspace_id, kind="text", stamp="o", dim=own.dim, encoder=own.encoder)
        session.add(other)
        session.flush()
        assets = list(session.scalars(select(Asset.id).where(Asset.modality == "text")))
        job = create_job(session, own.workspace_id, "ingest", {})
        add_units(session, job, "embed", [{"space_id": other.id, "asset_ids": assets}])
        session.execute(delete(Embedding).where(Embedding.space_id == own.id))
    found = [one for one in clinic.doctor().findings if one.check == "missing" and one.level == "problem"]
    assert [one.count for one in found] == [len(assets)]


def test_uploads_that_may_be_replayed_stay(clinic: Clinic) -> None:
    bad = clinic.root / "uploads" / "kept" / "m.jsonl"
    bad.parent.mkdir(parents=True)
    bad.write_text(json.dumps({"key": "z", "colour": "red"}) + "\n")
    clinic.home.ingest(bad)
    clinic.doctor(repair=True)
    assert bad.exists()


def test_young_files_are_left_alone(clinic: Clinic) -> None:
    from chiasm.upkeep import examine

    unused_blob(clinic)
    file_at("uploads", "0.jsonl")(clinic)
    assert all(one.level == "ok" for one in examine(clinic.open, repair=True).findings if one.check != "work")


def test_a_blob_put_again_is_not_collected(clinic: Clinic) -> None:
    blobs = clinic.open.blobs
    address = blobs.put(b"old")
    path = next(path for path in (clinic.root / "blobs").rglob(address))
    os.utime(path, (1.0, 1.0))
    blobs.put(b"old")
    assert not blobs.delete_older(address, time.time() - 60) and blobs.get(address) == b"old"
    os.utime(path, (1.0, 1.0))
    assert blobs.delete_older(address, time.time() - 60) and not blobs.has(address)


def test_every_row_that_ingest_writes_is_sealed_and_verifies(clinic: Clinic) -> None:
    """New, changed, filled stub, deleted, revived: no writer leaves a row that its seal disagrees with."""
    seal_rows(clinic.catalog)
    changed = [
        {**RECORDS[0], "title": "hound", "attributes": {"n": 1}},
        {"key": "kw:animal", "title": "animal"},
    ]
    clinic.home.ingest(manifest(clinic.source.parent, *changed, name="more.jsonl"))
    delete_entity(clinic.catalog, clinic.home.workspace_id, "b")
    assert not list(broken_rows(clinic.catalog))
    clinic.home.ingest(clinic.source, mode="replace")
    assert clinic.doctor(repair=True).healthy
    assert unsealed_rows(clinic.catalog) == 0 and not list(broken_rows(clinic.catalog))


def test_a_damaged_row_is_named_with_its_entity(clinic: Clinic) -> None:
    clinic.doctor(repair=True)
    with clinic.catalog.write() as session:
        # As damage on the disk would: no trigger sees it.
        session.connection().exec_driver_sql("DROP TRIGGER unseal_asset")
        session.execute(update(Asset).where(Asset.value == "stings").values(value="sting5"))
    assert clinic.wrong() == {"rows": "problem"}
    found = [one for one in clinic.doctor(repair=True).findings if one.level == "problem"]
    assert "(c)" in found[0].what and found[0].repaired is None and "delete KEY" in str(found[0].remedy)


def test_a_damaged_database_file_is_named(clinic: Clinic) -> None:
    with clinic.catalog.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    clinic.catalog.close()
    clinic.open.catalog.close()
    path = clinic.root / "catalog.sqlite"
    content = bytearray(path.read_bytes())
    # The head of every page from the third on: its kind, its free space, its number of cells.
    for page in range(2, len(content) // 4096):
        content[page * 4096] ^= 0x55
    path.write_bytes(content)
    report = clinic.doctor()
    assert not report.healthy
    assert any("backup" in str(one.remedy) for one in report.findings if one.level == "problem")


def test_records_are_as_they_were(clinic: Clinic) -> None:
    """Repair of everything at once keeps every row that a user gave."""
    with clinic.catalog.read() as session:
        rows = session.execute(select(Asset.entity_id, Asset.modality, Asset.sha256, Asset.value)).all()
        edges = session.execute(select(Triple.subject_id, Triple.object_id)).all()
    for name in ("block.npy", "index.faiss"):
        for path in (clinic.root / "spaces").rglob(name):
            flip(path)
    assert clinic.doctor(repair=True).healthy
    clinic.home.work()
    clinic.doctor(repair=True)
    assert clinic.wrong() == {} and len({record["key"] for record in RECORDS}) == 3
    with clinic.catalog.read() as session:
        assert (
            rows == session.execute(select(Asset.entity_id, Asset.modality, Asset.sha256, Asset.value)).all()
        )
        assert edges == session.execute(select(Triple.subject_id, Triple.object_id)).all()
