from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from chiasm.errors import DamagedError, RecipeError
from chiasm.fusion.manifest import write_manifest
from chiasm.releases.gate import Standing, judge
from chiasm.releases.rules import gate_rules, read_gate
from chiasm.training import Judged
from chiasm.training.frozen import JUDGE_FILE, FrozenQuery


def row(hit10: float, ci: tuple[float, float], query: str = "text") -> dict[str, Any]:
    return {
        "query": query,
        "target": "image",
        "from": "a",
        "into": "b",
        "n": 50,
        "hit@10": hit10,
        "ci95": {"hit@10": ci},
    }


def report(*rows: dict[str, Any], **more: Any) -> Standing:
    return Standing({"retrieval": list(rows), **more})


def judged(hits: list[float], paired: list[float] | None = None, into: str = "b") -> Judged:
    """So many queries with these hits."""
    queries = tuple(
        FrozenQuery(f"q{n}", "text", f"{n:064d}", "a", into if n % 2 else "c", ("k",))
        for n in range(len(hits))
    )
    results = {f"q{n}": [hit, hit] for n, hit in enumerate(hits)}
    return Judged(9, queries, results, {f"q{n}": [hit, hit] for n, hit in enumerate(paired or ())})


def test_first_release_passes() -> None:
    assert judge(report(), None).passed


@pytest.mark.parametrize(
    ("old", "new", "passed"),
    [
        (row(0.50, (0.40, 0.60)), row(0.55, (0.45, 0.65)), True),
        (row(0.50, (0.40, 0.60)), row(0.45, (0.35, 0.55)), True),  # within what chance explains
        (row(0.50, (0.40, 0.60)), row(0.30, (0.20, 0.40)), False),
        (row(0.50, (0.40, 0.60)), row(0.10, (0.00, 0.20), query="audio"), True),  # nothing to compare with
    ],
)
def test_beside_a_release_without_frozen_queries_reports_decide(
    old: dict[str, Any], new: dict[str, Any], passed: bool
) -> None:
    decision = judge(report(new), report(old))
    assert decision.passed is passed
    assert decision.reasons


def test_the_reason_names_the_row() -> None:
    decision = judge(report(row(0.1, (0.0, 0.2))), report(row(0.5, (0.4, 0.6))))
    assert "text -> image" in decision.reasons[0]
    assert "0.500 -> 0.100" in decision.reasons[0]


GOOD, HALF = [1.0] * 40, [1.0, 0.0] * 20


@pytest.mark.parametrize(
    ("active", "paired", "gate", "passed", "said"),
    [
        (GOOD, GOOD, {}, True, "no loss"),
        (HALF, GOOD, {}, True, "no loss"),
        (GOOD, HALF, {}, False, "all queries (40 queries): hit@10 1.000 -> 0.500"),
        (GOOD, HALF, {"primary": {"gain": None}}, False, "text, a -> b (20 queries)"),
        (GOOD, HALF, {"primary": {"gain": None}, "lines": {"loss": None}}, True, "no loss"),
        (GOOD, GOOD, {"primary": {"gain": 0.05}}, False, "the gain must be at least +0.050"),
        # Three of forty are gone with what they asked for; then most of them.
        (GOOD, GOOD[:37], {}, True, "no loss"),
        (GOOD, GOOD[:12], {}, False, "only 12 of the 40"),
        # Too few to say anything.
        (GOOD[:8], [0.0] * 8, {}, True, "no loss in 0"),
        # One query of twenty: chance explains it.
        (GOOD, [0.0, *GOOD[1:]], {"primary": {"gain": -0.1}}, True, "no loss"),
    ],
)
def test_the_same_queries_decide(
    active: list[float], paired: list[float], gate: dict[str, Any], passed: bool, said: str
) -> None:
    ours, theirs = Standing({}, judged(paired, paired)), Standing({}, judged(active))
    decision = judge(ours, theirs, gate_rules(gate))
    assert decision.passed is passed, decision.reasons
    assert any(said in reason for reason in decision.reasons), decision.reasons


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ({"p50_ms": 3.1}, {"p50_ms": 2.0}, "latency"),
        ({"p50_ms": 2.9}, {"p50_ms": 2.0}, None),
        ({"size_bytes": 300}, {"size_bytes": 100}, "size: 100 -> 300 bytes"),
        ({"coverage": 0.98}, {"coverage": 1.0}, "coverage: 1.0000 -> 0.9800"),
        (
            {"metrics": {"calibration": {"ece": 0.2}}},
            {"metrics": {"calibration": {"ece": 0.1}}},
            "calibration",
        ),
        ({"metrics": {"calibration": {"ece": 0.1}}}, {"metrics": {"calibration": {"ece": 0.2}}}, None),
        (
            {"metrics": {"missing": {"text": {"image": 0.5}}}},
            {"metrics": {"missing": {"text": {"image": 0.7}}}},
            "text queries without image",
        ),
    ],
)
def test_what_else_may_not_get_worse(ours: dict[str, Any], theirs: dict[str, Any], said: str | None) -> None:
    decision = judge(Standing(**{"metrics": {}, **ours}), Standing(**{"metrics": {}, **theirs}))
    assert decision.passed is (said is None)
    assert said is None or said in decision.reasons[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lines: {losss: 1}", "unknown key lines.losss"),
        ("lines: 3", "must be a mapping"),
        ("[1]", "must be a mapping"),
        ("lines: {loss: many}", "must be a number"),
        ("primary: {metric: hit@3}", "must be one of"),
        ("lines: {confidence: 2}", "between 0.5 and 1"),
        ("latency: {ratio: 0}", "must be positive"),
        ("queries: {share: null}", "must be a number"),
        ("a: [", "no valid YAML"),
    ],
)
def test_a_wrong_gate_file_says_what(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "gate.yaml"
    file.write_text(text)
    with pytest.raises(RecipeError, match=said):
        read_gate(file)


def test_a_gate_file_changes_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "gate.yaml"
    file.write_text("lines: {loss: 0.5}\nsize: {ratio: null}\n")
    rules = gate_rules(read_gate(file))
    assert (rules.lines_loss, rules.size_ratio, rules.lines_metric) == (0.5, None, "hit@10")
    with pytest.raises(RecipeError, match="no such gate file"):
        read_gate(tmp_path / "none.yaml")


def test_what_was_judged_is_read_again(tmp_path: Path) -> None:
    one = judged(GOOD, HALF)
    one.write(tmp_path)
    again = Judged.read(tmp_path)
    assert again == one and again.digest == one.digest
    assert Judged.read(tmp_path / "none") is None
    file = tmp_path / JUDGE_FILE
    write_manifest(tmp_path, {"files": {JUDGE_FILE: hashlib.sha256(file.read_bytes()).hexdigest()}})
    assert Judged.read(tmp_path) == one
    file.write_text(file.read_text().replace("1.0", "0.0", 1))
    with pytest.raises(DamagedError, match="checksum"):
        Judged.read(tmp_path)
