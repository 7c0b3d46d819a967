"""Students of pictures and sounds are found within a budget and ask in their teachers' place; on real workers."""

import json
import shutil

import numpy as np
import pytest
import soundfile
from tests.conftest import QUICK, draw, play, record, write_catalogue

import chiasm
from chiasm.errors import DamagedError, RecipeError, UsageError
from chiasm.fusion.manifest import read_manifest
from chiasm.models import ModelCache

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SHAPES = ("circle", "square", "triangle", "bar", "ring")
COLOURS = ("red", "green", "blue", "yellow", "black")
QUICK_LESSONS = {"max_steps": 60, "epochs": 60, "batch": 32, "warmup_steps": 2, "ema": 0.9, "lessons": 100}
SMALLEST = {"image": "residual-12-24-48-80", "audio": "residual-8-16-32-48"}
MODALITIES = ("image", "audio")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("home")
    records = [record(shape, colour) for shape in SHAPES for colour in COLOURS]
    manifest = write_catalogue(place, records)
    # More of each: a few of them are held out.
    for item in records:
        colour, shape = item["key"].removeprefix("toy:").split("-")
        for side in (48, 80):
            item["image"].append(f"img/{colour}-{shape}-{side}.png")
            draw(shape, colour, side).save(place / item["image"][-1])
            item["audio"].append(f"snd/{colour}-{shape}-{side}.wav")
            soundfile.write(place / item["audio"][-1], play(shape, colour)[: 100 * side], 16_000)
    manifest.write_text("".join(json.dumps(item) + "\n" for item in records), encoding="utf-8")
    with chiasm.open(place / "kb") as kb:
        kb.ingest(manifest).wait()
        kb.train(overrides={**QUICK, "encoders.text_tuning": "{steps: 0}"}, promote="force").wait()
    return place / "kb"


def query(modality, tmp_path):
    if modality == "image":
        draw("circle", "blue").save(tmp_path / "query.png")
        return {"image": tmp_path / "query.png"}
    soundfile.write(tmp_path / "query.wav", play("circle", "blue"), 16_000)
    return {"audio": tmp_path / "query.wav"}


@pytest.fixture(scope="module")
def distilled(folder, tmp_path_factory):
    found = {}
    with chiasm.open(folder) as kb:
        for modality in MODALITIES:
            before = kb.search(**query(modality, tmp_path_factory.mktemp(modality)), k=3)
            job = kb.distill(
                modality=modality,
                max_mb=10,
                max_ms=1000,
                min_retention=0.01,
                kinds=[SMALLEST[modality]],
                overrides=QUICK_LESSONS,
            ).wait()
            found[modality] = before, job.result
    return found


@pytest.mark.parametrize("modality", MODALITIES)
def test_it_is_told_what_was_tried_and_listed(modality, folder, distilled):
    _, result = distilled[modality]
    assert (result["release"], result["modality"]) == ("r1", modality)
    [trial] = result["trials"]
    assert (trial["name"], trial["verdict"]) == (SMALLEST[modality], "kept")
    student = result["student"]
    assert student["modality"] == modality and student["queries"] > 0
    assert student["mb"] < 1 and 0 < student["ms"] < 1000
    with chiasm.open(folder) as kb:
        assert student in kb.releases["r1"]["metrics"]["students"]
        assert student in kb.evaluate().wait().result["students"]
        assert kb.doctor()["healthy"]
    assert not (folder / "models/releases/1/r1/distillation" / modality).exists()


@pytest.mark.parametrize("modality", MODALITIES)
def test_it_asks_in_its_teachers_place_unless_the_teacher_is_wanted(
    modality, folder, distilled, tmp_path, monkeypatch
):
    before, _ = distilled[modality]
    entry = read_manifest(folder / "models/releases/1/r1")["students"][modality]
    name = entry["spec"].removeprefix("student:")
    asked = []
    loaded = ModelCache._load_encoder

    def watched(self, spec):
        asked.append(spec)
        return loaded(self, spec)

    monkeypatch.setattr(ModelCache, "_load_encoder", watched)
    with chiasm.open(folder) as kb:
        assert len(kb.search(**query(modality, tmp_path), k=3)) == 3
    assert asked == [f"student:releases/1/r1/{name}"]
    asked.clear()
    monkeypatch.setenv("CHIASM_QUERY_ENCODER", "teacher")
    with chiasm.open(folder) as kb:
        again = kb.search(**query(modality, tmp_path), k=3)
    assert asked and not any("student-" in spec.rsplit("/", 1)[-1] for spec in asked)
    assert [hit.key for hit in again] == [hit.key for hit in before]
    assert np.allclose([hit.score for hit in again], [hit.score for hit in before], atol=1e-4)


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_student_that_was_tampered_with_is_not_asked(modality, folder, distilled, tmp_path):
    copy = tmp_path / "kb"
    shutil.copytree(folder, copy)
    release = copy / "models/releases/1/r1"
    name = read_manifest(release)["students"][modality]["spec"].removeprefix("student:")
    net = release / name / "model.onnx"
    content = bytearray(net.read_bytes())
    content[len(content) // 2] ^= 1
    net.write_bytes(bytes(content))
    with chiasm.open(copy) as kb, pytest.raises(DamagedError, match="checksum"):
        kb.search(**query(modality, tmp_path))


def test_where_nothing_fits_nothing_changes(folder, distilled):
    release = folder / "models/releases/1/r1"
    before = (release / "release.json").read_bytes()
    with chiasm.open(folder) as kb:
        result = kb.distill(modality="image", max_mb=0.1, max_ms=1).wait().result
    assert result["student"] is None and {trial["verdict"] for trial in result["trials"]} == {"too large"}
    assert (release / "release.json").read_bytes() == before


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"modality": "image", "kinds": ["static"]}, UsageError, "static"),
        ({"modality": "audio", "corpus": ["a line"]}, UsageError, "corpus"),
        ({"modality": "image", "overrides": {"lessons": 0}}, RecipeError, "lessons"),
        ({"modality": "image", "overrides": {"views": 3}}, RecipeError, "views"),
    ],
)
def test_wrong_questions_are_answered_at_once(folder, asked, error, says):
    with chiasm.open(folder) as kb, pytest.raises(error) as raised:
        kb.distill(max_mb=10, max_ms=10, **asked)
    assert says in str(raised.value) and raised.value.remedy


def test_a_bundle_brings_both_along(folder, distilled, tmp_path, monkeypatch):
    monkeypatch.setenv("CHIASM_BUNDLE_KEY", "of two homes that exchange releases")
    with chiasm.open(folder) as kb:
        kb.releases.export(tmp_path / "r1.chiasm", "r1")
        name = kb.releases.load(tmp_path / "r1.chiasm").wait().result["release"]
        kb.releases.promote(name)
        spaces = kb._backend.home.searcher().state(1).spaces
        for modality in MODALITIES:
            assert spaces[modality].student.startswith(f"student:releases/1/{name}/student-{modality}-")
            assert kb.search(**query(modality, tmp_path), k=1).release == name
