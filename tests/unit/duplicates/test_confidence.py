"""Evidence weighs as it should."""

from __future__ import annotations

import pytest

from chiasm.duplicates.confidence import combined, letters, shared
from chiasm.duplicates.evidence import Evidence


@pytest.mark.parametrize(
    ("holders", "length", "low", "high"),
    [
        (2, None, 0.97, 0.97),
        (3, None, 0.9, 0.95),
        (22, None, 0.48, 0.49),
        (2, 3, 0.2, 0.23),
        (8, 3, 0.03, 0.06),
        (300, 3, 0.0, 0.002),
        (2, 20, 0.7, 0.85),
        (2, 60, 0.95, 0.97),
        (5, 200, 0.8, 0.9),
    ],
)
def test_what_many_share_says_little(holders: int, length: int | None, low: float, high: float) -> None:
    assert low <= shared(holders, length) <= high


@pytest.mark.parametrize(("text", "count"), [("dog", 3), ("a b-c!", 3), ("", 0), ("狗", 4), ("犬い 2", 9)])
def test_letters(text: str, count: int) -> None:
    assert letters(text) == count


@pytest.mark.parametrize(
    ("parts", "whole"), [([], 0.0), ([0.5], 0.5), ([0.5, 0.5], 0.75), ([0.9, 0.9, 0.0], 0.99)]
)
def test_witnesses_together(parts: list[float], whole: float) -> None:
    assert combined(parts) == pytest.approx(whole)


def test_of_a_modality_the_strongest_counts_once() -> None:
    evidence = Evidence({"text": {"a": [2, 1], "b": [3]}, "image": {"c": [1, 3], "d": [1], "e": [2]}})
    evidence.equal("text", "a", 0.4)
    evidence.near("text", ("a", "b"), "text", 0.3, 0.8)
    evidence.near("image", ("d", "e"), "look", 0.5, 6.0)
    evidence.near("image", ("d", "e"), "vector", 0.2, 0.97)
    evidence.equal("image", "c", 0.01)
    found = {(pair.first, pair.second): pair.evidence for pair in evidence.pairs(0.0)}
    assert found.keys() == {(1, 2), (1, 3), (2, 3)}
    assert found[1, 2] == {
        "text": {"signal": "same", "confidence": 0.4, "value": 2},
        "image": {"signal": "look", "confidence": 0.5, "value": 6.0},
    }
    # 1 - .6 x .5 = .7
    assert [(pair.first, pair.second) for pair in evidence.pairs(0.69)] == [(1, 2)]


def test_what_hundreds_hold_makes_no_pairs() -> None:
    evidence = Evidence({"image": {"a": list(range(400)), "b": [1000]}})
    evidence.equal("image", "a", 0.97)
    evidence.near("image", ("a", "b"), "look", 0.97, 0.0)
    assert evidence.pairs(0.0) == []
