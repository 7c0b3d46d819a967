"""The disk is full in the middle of an ingest or a training: nothing half written stays; with room the work goes on."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select
from tests.integration.releases.conftest import SMALL, thing
from tests.places import on

from chiasm import ingest, jobs
from chiasm.catalog.models import Embedding, Release, Segment, Workspace, WorkUnit
from chiasm.client.embedded import OpenHome
from chiasm.fusion.checkpoints import mapped_file
from chiasm.releases import submit_train
from chiasm.spaces import SpaceReader
from chiasm.upkeep import examine

from .conftest import Home, MakeHome, units

RECORDS, DIM = 700, 256


class SmallDisk:
    """A disk of which a little is left."""

    def __init__(self, folder: Path, size: str) -> None:
        folder.mkdir()
        self.folder = folder
        self._mount(f"size={size}")

    def grow(self) -> None:
        self._mount("remount,size=64m")

    def remove(self) -> None:
        subprocess.run(["umount", "-l", self.folder], check=True)

    def _mount(self, options: str) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.folder], check=True)


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SmallDisk]:
    """Mounted where the test says, of the size that it says."""
    name, size = request.param
    if os.geteuid():
        pytest.skip("only root may mount a small disk")
    try:
        disk = SmallDisk(tmp_path / name, size)
    except subprocess.CalledProcessError:
        pytest.skip("no file system may be mounted here")
    yield disk
    disk.remove()


@pytest.mark.parametrize("disk", [("disk", "96k")], indirect=True)
@on("local", "redis")
def test_segments_wait_for_room(disk: SmallDisk, make_home: MakeHome, tmp_path: Path) -> None:
    home = make_home(text_encoder=f"hash:text/{DIM}", idle_s=5.0)
    (home.settings.home / "spaces").symlink_to(disk.folder)
    source = tmp_path / "many.jsonl"
    source.write_text(
        "".join(json.dumps({"key": f"r:{n}", "text": f"record {n}"}) + "\n" for n in range(RECORDS))
    )
    home.start("worker", "--queues", "ingest")
    job_id = ingest.submit_ingest(home.settings, home.catalog, home.workspace_id, [source])
    stage = home.until(lambda: _put_off(home, job_id))
    assert "no room" in stage and "make room" in stage and str(disk.folder) in stage
    _nothing_half_written(home, disk)
    assert jobs.progress(home.catalog, job_id).state == "running"
    disk.grow()
    progress = home.wait(job_id)
    assert (progress.state, progress.failures, progress.result["embedded"]) == ("done", 0, RECORDS)
    assert set(units(home, WorkUnit.attempts, WorkUnit.losses)) == {(0, 0)}
    _each_once(home)


# Little more than the empty catalog takes.
@pytest.mark.parametrize("disk", [("home-0", "1500k")], indirect=True)
def test_the_catalog_itself_waits_for_room(disk: SmallDisk, make_home: MakeHome, tmp_path: Path) -> None:
    home = make_home(text_encoder=f"hash:text/{DIM}", idle_s=5.0)
    assert home.settings.home == disk.folder
    source = tmp_path / "many.jsonl"
    rows = ({"key": f"r:{n}", "text": f"record {n} " + "word " * 200} for n in range(RECORDS))
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    job_id = ingest.submit_ingest(home.settings, home.catalog, home.workspace_id, [source])
    home.start("worker", "--queues", "ingest")
    home.until(lambda: b"make room" in home.log.read_bytes())
    assert not jobs.progress(home.catalog, job_id).ended
    disk.grow()
    progress = home.wait(job_id)
    assert (progress.state, progress.failures, progress.result["embedded"]) == ("done", 0, RECORDS)
    assert {attempts for (attempts,) in units(home, WorkUnit.attempts)} == {0}
    _each_once(home)


# What a training takes of the catalog alone is more.
@pytest.mark.parametrize("disk", [("disk", "64k")], indirect=True)
def test_training_waits_for_room(disk: SmallDisk, make_home: MakeHome, tmp_path: Path) -> None:
    home = make_home(text_encoder=f"hash:text/{DIM}", idle_s=5.0)
    (home.settings.home / "models").symlink_to(disk.folder)
    source = tmp_path / "many.jsonl"
    source.write_text("".join(json.dumps(thing(n)) + "\n" for n in range(120)))
    ingested = ingest.submit_ingest(home.settings, home.catalog, home.workspace_id, [source])
    home.start("worker", "--queues", "ingest,train")
    assert home.wait(ingested).state == "done"
    job_id = submit_train(home.settings, home.catalog, home.workspace_id, overrides=SMALL, promote="force")
    stage = home.until(lambda: _put_off(home, job_id))
    assert "no room" in stage and "make room" in stage and str(disk.folder) in stage
    assert jobs.progress(home.catalog, job_id).state == "running"
    with home.catalog.read() as session:
        assert session.scalars(select(Workspace.active_release_id)).all() == [None]
    disk.grow()
    progress = home.wait(job_id)
    assert (progress.state, progress.failures) == ("done", 0)
    with home.catalog.read() as session:
        active = session.scalars(select(Workspace.active_release_id)).one()
        assert session.scalars(select(Release.id).where(Release.state == "active")).all() == [active]
    assert {attempts for (attempts,) in units(home, WorkUnit.attempts)} == {0}
    opened = OpenHome(home.settings)
    report = examine(opened, repair=False, full=True, grace_s=0)
    opened.close()
    assert [one for one in report.findings if one.level == "problem"] == []


@pytest.mark.parametrize("disk", [("disk", "64k")], indirect=True)
def test_a_file_to_be_filled_in_place_takes_its_room_at_once(disk: SmallDisk) -> None:
    path = disk.folder / "image.npy"
    with pytest.raises(OSError, match="No space left") as caught:
        mapped_file(path, (40, 32, 32, 3), np.uint8)
    assert caught.value.filename == str(path) and not list(disk.folder.iterdir())
    filled = mapped_file(path, (4, 32, 32, 3), np.uint8)
    filled[:] = 7
    filled.flush()
    assert (np.load(path) == 7).all()


def _each_once(home: Home) -> None:
    with home.catalog.read() as session:
        assert session.scalar(select(func.count()).select_from(Embedding)) == RECORDS
        space_id = session.scalars(select(Segment.space_id)).first()
    ids, _ = SpaceReader(home.catalog, home.settings.spaces_dir, space_id or 0).all()
    assert len(set(ids.tolist())) == len(ids) == RECORDS
    opened = OpenHome(home.settings)
    report = examine(opened, repair=False, full=True, grace_s=0)
    opened.close()
    assert [one for one in report.findings if one.level == "problem"] == []


def _put_off(home: Home, job_id: int) -> str | None:
    stage = jobs.progress(home.catalog, job_id).stage
    return stage if stage and stage.startswith("trying again after") else None


def _nothing_half_written(home: Home, disk: SmallDisk) -> None:
    def settled() -> bool:
        with home.catalog.read() as session:
            named = {disk.folder / path for path in session.scalars(select(Segment.path))}
        found = {path for path in disk.folder.glob("*/*") if path.is_dir()}
        return found == named

    # Tried again and again; between two tries the disk holds what the catalog names, and no more.
    home.until(settled)
