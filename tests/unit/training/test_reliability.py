from __future__ import annotations

import numpy as np
import pytest

from chiasm.fusion.ranking import QueryWeights, Ranking
from chiasm.training.chances import calibrated, judged_candidates
from chiasm.training.reliability import (
    Pairs,
    adaptive_error,
    brier_skill,
    judged_pairs,
    pairs_of,
    reliability,
    representation,
)

TEXT, BOTH, GRAPH = 1, 3, 9


def drawn(chances: np.ndarray, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(len(chances)) < chances


@pytest.mark.parametrize(
    ("said", "true", "error", "skill"),
    [
        (0.3, 0.3, 0.0, 0.0),
        (0.8, 0.3, 0.5, -1.19),
        (0.0, 0.1, 0.1, -0.11),
    ],
)
def test_a_constant_score_is_as_good_as_its_distance_from_the_base_rate(
    said: float, true: float, error: float, skill: float
) -> None:
    relevant = np.arange(10_000) < 10_000 * true
    np.random.default_rng(0).shuffle(relevant)
    chances = np.full(10_000, said)
    assert adaptive_error(chances, relevant) == pytest.approx(error, abs=0.02)
    assert brier_skill(chances, relevant) == pytest.approx(skill, abs=0.01)


def test_true_chances_have_no_error_and_sharp_ones_have_skill() -> None:
    chances = np.random.default_rng(1).beta(0.3, 0.9, 20_000)
    relevant = drawn(chances)
    assert adaptive_error(chances, relevant) < 0.01
    assert brier_skill(chances, relevant) > 0.4
    # Overconfident by a factor of two in the logit.
    logits = np.log(chances / (1 - chances))
    assert adaptive_error(1 / (1 + np.exp(-2 * logits)), relevant) > 0.02
    assert brier_skill(relevant.astype(float), relevant) == 1.0
    assert brier_skill(chances, np.zeros(20_000, dtype=bool)) == 0.0


def test_judged_are_the_best_that_may_be_found() -> None:
    logits = np.array([[3.0, -np.inf, 1.0, 2.0], [-np.inf, -np.inf, -np.inf, 0.0]])
    pairs = judged_pairs(
        "text",
        logits,
        [np.array([1, 3]), np.array([3])],
        np.array([TEXT, TEXT, BOTH, GRAPH], dtype=np.uint8),
        depth=2,
    )
    assert pairs.relevant.tolist() == [False, True, True]
    assert pairs.patterns.tolist() == ["text -> text", "text -> text+graph", "text -> text+graph"]
    np.testing.assert_allclose(pairs.chances, 1 / (1 + np.exp([-3.0, -2.0, 0.0])))
    assert (pairs.truth.tolist(), pairs.truth_shares.tolist()) == (
        ["text", "text+graph", "text+graph"],
        [0.5, 0.5, 1.0],
    )


def queries(found: list[str], truth: list[str], count: int) -> list[Pairs]:
    said = np.full(len(found), 0.5)
    return [pairs_of("text", said, np.arange(len(found)) % 2 == 0, found, truth) for _ in range(count)]


def test_each_query_counts_the_same_in_what_is_represented() -> None:
    # A query of fifty answers would drown all others if answers were counted.
    parts = queries(["a"] * 10, ["a"] * 50, 50) + queries(["a"] * 4 + ["b"] * 6, ["b"], 50)
    shares = representation(Pairs.joined(parts))
    assert shares["a"] == {"top10": 0.7, "truth": 0.5, "ratio": 1.4}
    assert shares["b"] == {"top10": 0.3, "truth": 0.5, "ratio": 0.6}
    report = reliability(Pairs.joined(parts))
    assert report["representation_max"] == pytest.approx(1 / 0.6, abs=0.01)
    assert set(report["patterns"]) == {"text -> a", "text -> b"}


def test_patterns_of_few_pairs_are_judged_together() -> None:
    parts = queries(["a"] * 10, ["a"], 30) + queries(["b"] * 10, ["b"], 5) + queries(["c"] * 10, ["c"], 5)
    report = reliability(Pairs.joined(parts))
    assert set(report["patterns"]) == {"text -> a", "others"}
    # Even together they are too few to say that they are favoured.
    assert report["representation"]["others"]["ratio"] is None
    assert report["pairs"] == 400


def test_excess_of_one_pattern_does_not_hide_lack_of_another() -> None:
    some = pairs_of("text", np.full(400, 0.5), np.arange(400) < 300, ["a"] * 400, ["a"])
    other = pairs_of("text", np.full(400, 0.5), np.arange(400) < 100, ["b"] * 400, ["b"])
    assert reliability(Pairs.joined([some, other]))["ece"] == pytest.approx(0.25, abs=0.001)


def test_calibration_undoes_slope_bias_and_offsets_and_keeps_the_order_within_a_pattern() -> None:
    generator = np.random.default_rng(0)
    codes = np.tile(np.array([TEXT, BOTH], dtype=np.uint8), 20)
    true = generator.normal(-1.5, 2.0, size=(400, 40))
    right = [np.flatnonzero(drawn(1 / (1 + np.exp(-line)), seed)) for seed, line in enumerate(true)]
    # What the ranking says: too sharp, too sure, and unfair to the one pattern.
    fused = 2.0 * (true - np.where(codes == BOTH, 0.8, 0.0)) + 3.0
    ranking = Ranking({"text": QueryWeights(fused=1.0, bias=0.0, own=0.0, near=0.0, same=0.0)})
    judged = judged_candidates(fused, right, codes, np.ones(400), depth=40)
    fitted = calibrated(ranking, {"text": judged})
    how = fitted.queries["text"]
    assert how.fused == pytest.approx(0.5, abs=0.05)
    assert how.offsets["text+image"] - how.offsets["text"] == pytest.approx(0.8, abs=0.15)
    pairs = judged_pairs(
        "text", fitted.logits(fused, {"text": fused}, present=codes) + how.level, right, codes
    )
    assert reliability(pairs)["ece"] < 0.03
    assert Ranking.from_dict(fitted.to_dict()) == fitted


def test_few_pairs_hardly_move_a_ranking() -> None:
    ranking = Ranking({"text": QueryWeights(fused=1.0, bias=0.0)})
    judged = judged_candidates(
        np.zeros((1, 2)), [np.array([0])], np.array([TEXT, BOTH], dtype=np.uint8), np.ones(1)
    )
    how = calibrated(ranking, {"text": judged}).queries["text"]
    assert all(abs(offset) < 0.3 for offset in how.offsets.values())
    assert calibrated(ranking, {}) == ranking
