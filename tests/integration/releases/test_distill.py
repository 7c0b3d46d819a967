"""A student is found within a budget, asks from then on, and is told of everywhere; on real workers."""

import json
from pathlib import Path

import pytest
from tests.conftest import QUICK, record

import chiasm
from chiasm.cli.app import main
from chiasm.errors import NotFoundError, RecipeError, UsageError
from chiasm.fusion.manifest import read_manifest
from chiasm.models import ModelCache
from chiasm.settings import load_settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SHAPES = ("circle", "square", "triangle", "bar", "ring")
COLOURS = ("red", "green", "blue", "yellow", "black")
QUICK_LESSONS = {"max_steps": 3, "batch": 64, "warmup_steps": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("home") / "kb"
    records = []
    for number, (shape, colour) in enumerate((s, c) for s in SHAPES for c in COLOURS):
        item = record(shape, colour)
        kept = {name: item[name] for name in ("key", "domain", "title", "relations")}
        records.append({**kept, "text": [f"A {colour} {shape} made of wood.", f"toy number {number}"]})
    with chiasm.open(home) as kb:
        kb.ingest(records).wait()
        with pytest.raises(NotFoundError, match="no release"):
            kb.distill(max_mb=20, max_ms=50)
        kb.train(overrides=QUICK, promote="force").wait()
    return home


@pytest.fixture(scope="module")
def distilled(folder):
    with chiasm.open(folder) as kb:
        before = kb.search("a blue circle", k=3)
        job = kb.distill(
            max_mb=20,
            max_ms=1000,
            min_retention=0.01,
            kinds=["static"],
            corpus=["a wooden toy", "a round thing"],
            overrides=QUICK_LESSONS,
        ).wait()
        return before, job.result


def test_it_is_told_what_was_tried(distilled):
    _, result = distilled
    assert (result["release"], result["modality"]) == ("r1", "text")
    assert result["trials"][-1]["verdict"] == "kept"
    assert result["trials"][-1]["parameters"] < result["teacher"]["parameters"]
    student = result["student"]
    assert student["mb"] < 20 and 0 < student["ms"] < 1000 and student["queries"] > 0
    assert student["retention"] == pytest.approx(student["hit@10"] / student["teacher_hit@10"], abs=1e-3)


def test_it_asks_in_its_teachers_place_unless_the_teacher_is_wanted(folder, distilled):
    before, _ = distilled
    release = folder / "models/releases/1/r1"
    entry = read_manifest(release)["students"]["text"]
    name = entry["spec"].removeprefix("student:")
    assert entry["teacher"] == read_manifest(release)["encoders"]["text"]["fingerprint"]
    asked = []
    loaded = ModelCache._load_encoder

    def watched(self, spec):
        asked.append(spec)
        return loaded(self, spec)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelCache, "_load_encoder", watched)
        with chiasm.open(folder) as kb:
            hits = kb.search("a blue circle", k=3)
        assert asked == [f"student:releases/1/r1/{name}"]
        asked.clear()
        patch.setenv("CHIASM_QUERY_ENCODER", "teacher")
        with chiasm.open(folder) as kb:
            again = kb.search("a blue circle", k=3)
        assert asked and not any("/student-text-" in spec for spec in asked)
    assert hits.release == again.release == "r1"
    assert [hit.to_dict() for hit in again] == [hit.to_dict() for hit in before]


def test_a_running_process_asks_by_it_from_the_next_query_on(folder, distilled):
    with chiasm.open(folder) as kb:
        spaces = kb._backend.home.searcher().state(1).spaces
        assert spaces["text"].student and spaces["text"].student_stamp
        assert spaces["fused"].student is None


def test_evaluate_and_releases_list_it(folder, distilled, capsys):
    with pytest.raises(SystemExit) as left:
        main(["evaluate", "--json", "--home", str(folder)])
    assert left.value.code == 0
    report = json.loads(capsys.readouterr().out)
    [row] = [row for row in report["students"] if row["modality"] == "text"]
    assert {"mb", "ms", "retention"} <= row.keys()
    with chiasm.open(folder) as kb:
        assert row in kb.releases["r1"]["metrics"]["students"]
        assert kb.doctor()["healthy"]


def test_where_none_keeps_enough_nothing_changes(folder, distilled, capsys):
    release = folder / "models/releases/1/r1"
    before = (release / "release.json").read_bytes()
    with pytest.raises(SystemExit) as left:
        main(["distill", "--max-mb", "0.1", "--max-ms", "1", "--home", str(folder), "--json"])
    assert left.value.code == 1
    result = json.loads(capsys.readouterr().out)
    assert result["student"] is None and result["best"] is None
    assert {trial["verdict"] for trial in result["trials"]} == {"too large"}
    assert (release / "release.json").read_bytes() == before


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"max_mb": 0, "max_ms": 1}, UsageError, "max_mb"),
        ({"max_mb": 1, "max_ms": float("nan")}, UsageError, "max_ms"),
        ({"max_mb": 1, "max_ms": 1, "min_retention": 1.5}, UsageError, "share"),
        ({"max_mb": 1, "max_ms": 1, "modality": "smell"}, UsageError, "smell"),
        ({"max_mb": 1, "max_ms": 1, "kinds": ["gru"]}, UsageError, "gru"),
        ({"max_mb": 1, "max_ms": 1, "overrides": {"steps": 3}}, RecipeError, "steps"),
        ({"max_mb": 1, "max_ms": 1, "overrides": {"batch": "many"}}, RecipeError, "batch"),
        ({"max_mb": 1, "max_ms": 1, "release": "r9"}, NotFoundError, "r9"),
        ({"max_mb": 1, "max_ms": 1, "corpus": Path("nowhere.txt")}, NotFoundError, "nowhere"),
    ],
)
def test_wrong_questions_are_answered_at_once(folder, asked, error, says):
    with chiasm.open(folder) as kb, pytest.raises(error) as raised:
        kb.distill(**asked)
    assert says in str(raised.value) and raised.value.remedy


def test_a_student_of_another_name_is_never_opened(folder, distilled):
    from chiasm.errors import DamagedError
    from chiasm.models import student_spec

    with pytest.raises(DamagedError):
        student_spec("releases/1/r1", "../../elsewhere")
    assert load_settings(folder).query_encoder == "student"


def test_a_bundle_brings_it_along(folder, distilled, tmp_path, monkeypatch):
    monkeypatch.setenv("CHIASM_BUNDLE_KEY", "of two homes that exchange releases")
    with chiasm.open(folder) as kb:
        kb.releases.export(tmp_path / "r1.chiasm", "r1")
        result = kb.releases.load(tmp_path / "r1.chiasm").wait().result
        assert result["state"] == "candidate"
        kb.releases.promote(result["release"])
        text = kb._backend.home.searcher().state(1).spaces["text"]
        assert text.student.startswith(f"student:releases/1/{result['release']}/student-text-")
        assert kb.search("a blue circle", k=1).release == result["release"]
