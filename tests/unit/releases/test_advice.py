import json
from dataclasses import replace
from pathlib import Path

import pytest

import chiasm
from chiasm.catalog.models import Job, Release, ReleaseSpace, Space
from chiasm.cli import main
from chiasm.errors import InputError
from chiasm.fusion.recipe import load_recipe
from chiasm.releases.advice.expected import Past, expected_minutes, last_training
from chiasm.releases.advice.machine import Device, Machine, look_at_machine
from chiasm.releases.advice.material import Material, look_at_material
from chiasm.releases.advice.proposal import propose
from chiasm.settings import load_settings

MACHINE = Machine(cores=2, memory_gib=24, disk_gib=100, bf16=True, gflops=600, devices=())
MATERIAL = Material(
    entities=2000, stubs=500, text=6000, image=2000, audio=0, pictured_and_named=2000, sounding_and_named=0,
    pictured_and_sounding=0, empty=0, not_english=0.02, statements=9000, edges=9000,
)  # fmt: skip


@pytest.mark.parametrize(
    ("material", "machine", "recipe", "overrides", "said"),
    [
        ({}, {}, "offline", {}, "distil students"),
        ({"image": 0, "pictured_and_named": 0}, {}, "offline", {}, "no pictures and no sounds"),
        ({"pictured_and_named": 30}, {}, "pretrained", {}, "only 30 entities with pictures"),
        ({"audio": 40, "sounding_and_named": 12}, {}, "pretrained", {}, "only 12 entities with sounds"),
        (
            {"text": 0, "audio": 90, "pictured_and_named": 0, "pictured_and_sounding": 30},
            {},
            "offline",
            {},
            "30 entities have pictures and sounds",
        ),
        ({}, {"devices": (Device("H200", 139.0),)}, "pretrained", {}, "a GPU is here (H200)"),
        ({"entities": 300}, {}, "offline", {"training.batch": "64"}, "a batch of 64: of 300 entities"),
        ({"entities": 9}, {}, "offline", {"training.batch": "16"}, "a batch of 16"),
        (
            {"not_english": 0.4},
            {},
            "offline",
            {"encoders.text": "sentence-transformers:paraphrase-multilingual-MiniLM-L12-v2"},
            "40% of the texts are not English",
        ),
    ],
)  # fmt: skip
def test_what_is_proposed(material, machine, recipe, overrides, said):
    proposal = propose(replace(MATERIAL, **material), replace(MACHINE, **machine))
    assert (proposal.recipe, proposal.overrides) == (recipe, overrides)
    assert any(said in reason for reason in proposal.reasons)
    # What is proposed is what `chiasm train` takes.
    load_recipe(proposal.recipe, proposal.overrides)
    assert proposal.command.startswith(f"chiasm train --recipe {recipe}")


@pytest.mark.parametrize(
    ("material", "machine", "said"),
    [
        ({"edges": 0}, {}, "no statement links two entities"),
        ({"empty": 7}, {}, "7 entities have no text, picture or sound"),
        ({"text": 0}, {}, "there are no texts"),
        ({}, {"memory_gib": 2.5}, "2.5 GiB of memory"),
        ({}, {"disk_gib": 0.4}, "only 0.4 GiB are free"),
        ({"entities": 12}, {}, "12 entities are few"),
    ],
)
def test_what_is_warned_of(material, machine, said):
    assert not propose(MATERIAL, MACHINE).warnings
    assert any(
        said in warning
        for warning in propose(replace(MATERIAL, **material), replace(MACHINE, **machine)).warnings
    )


def test_the_time_to_expect_is_that_of_the_last_training_else_by_the_speed():
    proposal = propose(MATERIAL, MACHINE)
    past = Past("r3", "offline", minutes=5.0, entities=1250)
    assert expected_minutes(MATERIAL, MACHINE, proposal, past).minutes == 10.0
    of_other_recipe = replace(past, recipe="pretrained")
    slow, fast = (
        expected_minutes(MATERIAL, replace(MACHINE, gflops=speed), proposal, of_other_recipe)
        for speed in (100, 400)
    )
    assert slow.minutes == pytest.approx(4 * fast.minutes, rel=0.05)
    assert fast.low < fast.minutes < fast.high and "400 GFLOP/s" in fast.by


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with chiasm.open(tmp_path / "home") as kb:
        records = [
            {"key": "a", "title": "bell", "relations": [{"predicate": "near", "object": "b"}]},
            {"key": "b", "title": "колокол", "text": {"value": "Glocke", "lang": "de"}},
            {"key": "c"},
        ]
        kb.ingest(records, domain="things").wait()
    return tmp_path / "home"


def test_what_a_home_holds(home: Path) -> None:
    settings = load_settings(home)
    with chiasm.open(home) as kb:
        catalog = kb._backend.home.catalog
        with catalog.write() as session:
            workspace = catalog.workspace_id("default")
            found = look_at_material(session, workspace)
            assert (found.entities, found.stubs, found.text, found.edges, found.empty) == (3, 0, 3, 1, 1)
            assert found.not_english == pytest.approx(2 / 3, abs=1e-3)
            assert last_training(session, workspace) is None
            release = Release(workspace_id=workspace, number=4, recipe={}, metrics={}, gate={})
            space = Space(workspace_id=workspace, kind="fused", stamp="s", dim=4)
            job = Job(workspace_id=workspace, kind="train", state="done", params={"recipe": "offline"})
            job.result, job.started_at, job.finished_at = {"release": "r4"}, 0.0, 90.0
            session.add_all([release, space, job])
            session.flush()
            session.add(ReleaseSpace(release_id=release.id, kind="fused", space_id=space.id))
            session.flush()
            # It fused nothing, so it says nothing of the time an entity takes.
            assert last_training(session, workspace) is None
            with pytest.raises(InputError, match="nothing to train on"):
                look_at_material(session, workspace + 1)
    machine = look_at_machine(settings)
    assert machine.cores >= 1 and machine.gflops > 0 and machine.memory_gib > 0


def test_the_command_proposes_and_changes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for extra in ([], ["--json"]):
        with pytest.raises(SystemExit) as left:
            main(["train", "--advise", *extra, "--home", str(home)])
        assert not left.value.code
        shown = capsys.readouterr().out
        assert ("expected" in json.loads(shown)) if extra else ("chiasm train --recipe offline" in shown)
    with chiasm.open(home) as kb:
        assert kb.releases.list() == []
        assert kb.advise()["proposal"]["recipe"] == "offline"
