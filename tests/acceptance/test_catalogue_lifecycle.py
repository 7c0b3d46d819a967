"""One small catalogue through its whole life, on real workers: ingest, train, search, add, repeat."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.conftest import QUICK, SHAPES, draw, play, record, write_catalogue

import chiasm
from chiasm.client.evaluation_page import evaluation_page

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KINDS = ("text", "image", "audio", "graph")
PATTERNS = [set(c) for n in range(1, 5) for c in itertools.combinations(KINDS, n)]


def reduced(pattern: set[str], number: int) -> dict[str, Any]:
    """A black ring that has only the modalities of a pattern."""
    item = record("ring", "black")
    item["key"] = f"toy:black-ring-{number}"
    item["domain"] = "patterns"
    if "text" in pattern:
        item["text"] = [f"A black ring made of wood, piece {number}."]
    else:
        del item["text"]
    del item["title"]
    for kind in ("image", "audio"):
        if kind not in pattern:
            del item[kind]
        else:
            item[kind] = [item[kind][0].replace("black-ring", f"black-ring-{number}")]
    if "graph" not in pattern:
        del item["relations"]
    return item


@pytest.fixture(scope="module")
def kb(toys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chiasm.open(tmp_path_factory.mktemp("home") / "kb") as opened:
        job = opened.ingest(toys).wait()
        assert job.progress.state == "done", job.failures
        before = opened.search("a blue circle", k=3)
        assert before.release == "late-fusion"
        assert before[0].key == "toy:blue-circle"
        patterns = [reduced(pattern, n) for n, pattern in enumerate(PATTERNS)]
        opened.ingest(write_catalogue(tmp_path_factory.mktemp("patterns"), patterns)).wait()
        job = opened.train(overrides=QUICK).wait()
        assert job.result["state"] == "active", job.result
        yield opened


@pytest.mark.parametrize(
    "query",
    [
        {"text": "a black ring"},
        {"image": draw("ring", "black")},
        {"entity": "toy:black-ring-14"},
    ],
    ids=["text", "image", "entity"],
)
def test_no_availability_pattern_is_absent(kb: Any, query: dict[str, Any]) -> None:
    hits = kb.search(**query, into="patterns", k=50)
    assert hits.release == "r1"
    found = {hit.key: set(hit.present) for hit in hits}
    for number, pattern in enumerate(PATTERNS):
        key = f"toy:black-ring-{number}"
        if query.get("entity") != key:
            assert found[key] == pattern


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: "+".join(sorted(p)))
def test_every_pattern_is_found_by_itself(kb: Any, pattern: set[str]) -> None:
    number = PATTERNS.index(pattern)
    hits = kb.search(entity=f"toy:black-ring-{number}", k=5)
    assert len(hits) == 5
    assert all(0.0 <= hit.score <= 1.0 for hit in hits)


def test_the_rank_without_a_picture_is_that_of_the_entity_without_it(kb: Any, tmp_path: Path) -> None:
    given = {"text": "a blue circle", "image": draw("circle", "blue")}
    before = {
        name: kb.search(**{name: part}, into="toys", k=50, explain=True) for name, part in given.items()
    }
    item = record("circle", "blue")
    kb.ingest([{"key": item["key"], "image": []}]).wait()
    try:
        for name, hits in before.items():
            whys = {hit.key: hit.why for hit in hits}
            why = whys[item["key"]]
            assert sum(why.get(kind, 0.0) for kind in KINDS) == pytest.approx(1.0, abs=0.02)
            assert {edge["path"][0] for edge in why["edges"]} == {item["key"]}
            after = kb.search(**{name: given[name]}, into="toys", k=50)
            mine = next(hit for hit in after if hit.key == item["key"])
            assert "image" not in mine.present
            rank = 1 + sum(hit.score > mine.score + 1e-6 for hit in after)
            assert why["without"]["image"]["rank"] == rank, name
    finally:
        kb.ingest(write_catalogue(tmp_path, [item])).wait()


def test_a_new_entity_is_found_without_retraining(kb: Any, tmp_path: Path) -> None:
    item = record("ring", "black")
    item["text"] = ["An ebony hoop, quite unlike the others."]
    manifest = write_catalogue(tmp_path, [{**item, "key": "toy:black-ring"}])
    sound = tmp_path / "query.wav"
    soundfile.write(sound, play("ring", "black"), 16_000)
    kb.ingest(manifest).wait()
    asked = {
        "text": kb.search(text="ebony hoop", k=5),
        "image": kb.search(image=draw("ring", "black"), into="toys", k=5),
        "audio": kb.search(audio=sound, into="toys", k=8),
        "neighbour": kb.search(entity="toy:green-ring", into="toys", k=25),
        "near": kb.search(text="toy", near="shape:ring", hops=1, into="toys", k=10),
    }
    for name, hits in asked.items():
        assert "toy:black-ring" in [hit.key for hit in hits], name
        assert hits.release == "r1"


def test_the_same_manifest_twice_does_no_work(kb: Any, toys: Path) -> None:
    before = kb.describe()
    job = kb.ingest(toys).wait()
    lines = len(toys.read_text(encoding="utf-8").splitlines())
    assert job.result["unchanged"] == lines
    assert not any(job.result.get(name) for name in ("created", "updated", "embedded", "fused", "failed"))
    assert kb.describe() == before


def test_a_bad_record_fails_alone(kb: Any, tmp_path: Path) -> None:
    good = record("circle", "red")
    lines = [
        json.dumps({"key": "toy:good", "domain": "odd", "text": "a good one"}),
        json.dumps({"key": "toy:bad", "domain": "odd", "colour": "red"}),
        json.dumps({"key": "toy:lost", "domain": "odd", "image": "img/nowhere.png"}),
        json.dumps(
            {"key": "toy:good2", "domain": "odd", "text": "another", "attributes": good["attributes"]}
        ),
    ]
    manifest = tmp_path / "odd.jsonl"
    manifest.write_text("\n".join(lines), encoding="utf-8")
    job = kb.ingest(manifest).wait()
    assert job.progress.state == "done"
    assert job.result["failed"] == 2
    told = json.dumps(
        [failure if isinstance(failure, dict) else vars(failure) for failure in job.failures], default=str
    )
    assert "odd.jsonl:2" in told and "colour" in told
    assert "odd.jsonl:3" in told and "nowhere.png" in told
    assert {hit.key for hit in kb.search(text="a good one", into="odd", k=5)} >= {"toy:good", "toy:good2"}


def test_mixed_queries_and_negatives(kb: Any) -> None:
    mixed = kb.search(text="green", image=draw("square", "red"), weights={"image": 0.5}, into="toys", k=25)
    assert len(mixed) >= 24
    without = kb.search(image=draw("square", "red"), not_text="square", into="toys", k=25)
    rank = {hit.key: hit.rank for hit in without}
    plain = {hit.key: hit.rank for hit in kb.search(image=draw("square", "red"), into="toys", k=25)}
    squares = [f"toy:{colour}-square" for colour in ("red", "green", "blue", "yellow", "black")]
    assert np.mean([rank[key] for key in squares]) > np.mean([plain[key] for key in squares])


def test_filters_and_explanations(kb: Any) -> None:
    pitch = SHAPES["triangle"]
    hits = kb.search("wood", where=f'pitch >= {pitch} and colour == "red"', k=10, explain=True)
    assert {hit.key for hit in hits} == {"toy:red-triangle", "toy:red-bar", "toy:red-ring"}
    why = hits[0].why
    assert why is not None
    assert abs(sum(v for k, v in why.items() if k in KINDS) - 1.0) < 0.02
    linked = kb.search(entity="toy:red-bar", into="toys", k=5, explain=True)
    assert any(hit.why and hit.why["paths"] for hit in linked)


def test_delete_is_gone_everywhere(kb: Any, tmp_path: Path) -> None:
    manifest = tmp_path / "m.jsonl"
    manifest.write_text(
        json.dumps({"key": "toy:gone", "domain": "odd", "text": "zeppelin"}), encoding="utf-8"
    )
    kb.ingest(manifest).wait()
    assert kb.search("zeppelin", k=1)[0].key == "toy:gone"
    kb.delete("toy:gone")
    assert "toy:gone" not in [hit.key for hit in kb.search("zeppelin", k=50)]
    with pytest.raises(chiasm.ChiasmError, match="toy:gone"):
        kb.entity("toy:gone")


def test_evaluation_has_baselines(kb: Any) -> None:
    report = kb.evaluate().wait().result
    assert report["release"] == "r1"
    assert set(report["baselines"]) >= {"late_fusion", "best_single"}
    # Attributes of the catalog came with the snapshot, losses with the release; all of it is one page.
    assert all({"target", "accuracy", "macro_f1"} <= set(row) for row in report["labels"])
    assert report["training"]["steps"] and "views" in report["training"]["losses"]
    assert report["map"]["points"]
    page = evaluation_page(report)
    assert "Map of entities" in page and "<polyline" in page and "http://" not in page
