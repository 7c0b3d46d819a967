from __future__ import annotations

from typing import Any

import pytest

from chiasm.releases.gate import judge


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


def test_first_release_passes() -> None:
    assert judge({"retrieval": []}, None).passed


@pytest.mark.parametrize(
    ("old", "new", "passed"),
    [
        (row(0.50, (0.40, 0.60)), row(0.55, (0.45, 0.65)), True),
        (row(0.50, (0.40, 0.60)), row(0.45, (0.35, 0.55)), True),  # within what chance explains
        (row(0.50, (0.40, 0.60)), row(0.30, (0.20, 0.40)), False),
        (row(0.50, (0.40, 0.60)), row(0.10, (0.00, 0.20), query="audio"), True),  # nothing to compare with
    ],
)
def test_a_loss_that_the_queries_can_show_fails(
    old: dict[str, Any], new: dict[str, Any], passed: bool
) -> None:
    decision = judge({"retrieval": [new]}, {"retrieval": [old]})
    assert decision.passed is passed
    assert decision.reasons


def test_the_reason_names_the_row() -> None:
    decision = judge({"retrieval": [row(0.1, (0.0, 0.2))]}, {"retrieval": [row(0.5, (0.4, 0.6))]})
    assert "text -> image" in decision.reasons[0]
    assert "0.500 -> 0.100" in decision.reasons[0]
