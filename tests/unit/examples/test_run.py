"""The steps of the demo, over a stand-in for the knowledge base."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from examples.emoji import gather, run
from examples.emoji.catalogue import MANIFEST, build_catalogue
from examples.emoji.gather import read_records
from examples.emoji.questions import make_questions
from examples.emoji.run import Options, clear
from examples.emoji.sources.packages import SystemFiles
from rich.console import Console

import chiasm

EVALUATION = {
    "retrieval": [
        {
            "query": "text",
            "target": "any",
            "from": "emoji",
            "into": "emoji",
            "n": 9,
            "hit@10": 0.8,
            "mrr": 0.5,
        }
    ],
    "baselines": {"late_fusion": {"text": {"hit@10": 0.6, "mrr": 0.4}}},
}


@dataclass
class _Job:
    result: Mapping[str, Any]
    failures: list[str] = field(default_factory=list)

    def wait(self, *, watch: Callable[[Any], None]) -> _Job:
        watch(SimpleNamespace(stage="embedding", kind="ingest", done=3, total=5))
        return self


class _KnowledgeBase:
    """Answers as `chiasm.KnowledgeBase` does, from a catalogue of three."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.active: str | None = None
        self.releases = self

    def list(self) -> list[dict[str, str]]:
        return [{"release": self.active, "state": "active"}] if self.active else []

    def ingest(self, manifest: Path) -> _Job:
        self.calls.append(f"ingest {manifest.name}")
        return _Job({"ingested": 5, "failed": 1}, ["emoji.jsonl:2 emoji:2764: no picture"])

    def train(self, recipe: str, *, seed: int, overrides: Mapping[str, str] | None) -> _Job:
        self.calls.append(f"train {recipe} {seed}")
        self.active = "r1"
        return _Job({"release": "r1", "state": "active"})

    def evaluate(self) -> _Job:
        self.calls.append("evaluate")
        return _Job(EVALUATION)

    def search(self, *, into: str, k: int, **parts: Any) -> Any:
        hit = SimpleNamespace(rank=1, key="emoji:1F680", title="rocket", score=0.9, present=["text"])
        hits = type("Hits", (list,), {"warnings": ["no image encoder yet"] if "image" in parts else []})
        return hits([hit])

    def close(self) -> None:
        self.calls.append("close")


@pytest.fixture
def kb(monkeypatch: pytest.MonkeyPatch, system_files: SystemFiles) -> _KnowledgeBase:
    stand_in = _KnowledgeBase()
    monkeypatch.setattr(chiasm, "open", lambda home: stand_in, raising=False)
    monkeypatch.setattr(run, "find_system_files", lambda: system_files)
    monkeypatch.setattr(run, "map_points", lambda home, records, seed: ())
    return stand_in


def _console() -> Console:
    return Console(file=io.StringIO(), width=200)


def _printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_runs_every_step_and_writes_the_report(kb: _KnowledgeBase, tmp_path: Path) -> None:
    console = _console()
    report = run.run(Options(tmp_path), console)
    assert kb.calls == ["ingest emoji.jsonl", "train offline 0", "evaluate", "close"]
    html = report.read_text(encoding="utf-8")
    assert "Feuerwehrauto" in html
    assert "espeak-ng" in html
    printed = _printed(console)
    for words in (
        "5 emoji, 0 pictures",
        "sudo apt-get install espeak-ng",
        "chiasm ingest",
        "embedding ...",
        "5 ingested, 1 failed",
        "no picture",
        "release r1 is active",
        "late fusion",
        "+20.0",
        "In German: Feuerwehrauto",
        "All done",
    ):
        assert words in printed, words


def test_a_second_run_keeps_catalogue_and_release(kb: _KnowledgeBase, tmp_path: Path) -> None:
    run.run(Options(tmp_path), _console())
    kb.calls.clear()
    console = _console()
    run.run(Options(tmp_path), console)
    assert kb.calls == ["ingest emoji.jsonl", "evaluate", "close"]
    assert "kept from an earlier run" in _printed(console)
    assert "--retrain trains another" in _printed(console)


def test_a_failed_step_closes_the_knowledge_base(
    kb: _KnowledgeBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> _Job:
        raise chiasm.ChiasmError("no release is active yet")

    monkeypatch.setattr(kb, "evaluate", fail)
    with pytest.raises(chiasm.ChiasmError, match="no release"):
        run.run(Options(tmp_path), _console())
    assert kb.calls[-1] == "close"


def test_fresh_forgets_only_what_the_demo_made(tmp_path: Path) -> None:
    for name in ("catalogue", "home", "mine"):
        (tmp_path / name).mkdir()
    (tmp_path / "report.html").write_text("", encoding="utf-8")
    clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    clear(tmp_path / "nowhere")


def test_questions_fit_what_the_catalogue_holds(system_files: SystemFiles, tmp_path: Path) -> None:
    build_catalogue(tmp_path, system_files)
    records = read_records(tmp_path / MANIFEST)
    asked = {question.title: question for question in make_questions(tmp_path, records)}
    # No pictures and no voices: only words and an entity can be asked with.
    assert set(asked) == {"In English", "In German", "In Chinese", "An emoji"}
    records["emoji:2764"]["image"] = ["img/2764.png"]
    asked = {question.title: question for question in make_questions(tmp_path, records)}
    question = asked["This picture, but not that word"]
    assert question.arguments() == {"image": [str(tmp_path / "img/2764.png")], "not_text": ["love"]}
    assert question.command == f'chiasm search --image {tmp_path}/img/2764.png --not-text "love" --into emoji'


def test_map_has_the_names_of_every_language(
    system_files: SystemFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    build_catalogue(tmp_path, system_files)
    records = read_records(tmp_path / MANIFEST)
    vectors = np.random.default_rng(0).normal(size=(len(records), 8)).astype(np.float32)
    vectors[0] = np.nan
    monkeypatch.setattr(gather, "fused_vectors", lambda home, keys: vectors)
    points = {point.key: point for point in gather.map_points(tmp_path, records, 0)}
    assert set(points) == set(list(records)[1:])
    assert dict(points["emoji:1F680"].names) == {"de": "Rakete", "zh": "火箭"}
    monkeypatch.setattr(gather, "fused_vectors", lambda home, keys: vectors[:, :0])
    assert gather.map_points(tmp_path, records, 0) == ()
