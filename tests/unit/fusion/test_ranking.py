import numpy as np
import pytest

from chiasm.errors import DamagedError
from chiasm.fusion.ranking import QueryWeights, Ranking

TEXT = QueryWeights(
    fused=10, own=2, near=4, bias=-6, own_base=0.1, own_slope=0.5, near_base=0.2, near_slope=0.0
)


def test_the_formula():
    ranking = Ranking({"text": TEXT})
    logit = -6 + 10 * 0.5 + 2 * 0.3 + 4 * 0.4
    assert ranking.logits(
        np.array([0.5]), {"text": np.array([0.3])}, {"text": np.array([0.4])}
    ) == pytest.approx([logit])
    assert ranking.score(
        np.array([0.5]), {"text": np.array([0.3])}, {"text": np.array([0.4])}
    ) == pytest.approx([1 / (1 + np.exp(-logit))])


def test_what_is_lacking_is_expected_not_zero():
    ranking = Ranking({"text": TEXT})
    nan = np.array([np.nan])
    lacking = ranking.logits(np.array([0.5]), {"text": nan}, {"text": nan})
    typical = ranking.logits(np.array([0.5]), {"text": np.array([0.35])}, {"text": np.array([0.2])})
    assert lacking == pytest.approx(typical)


def test_mixed_queries_are_the_mean_of_their_modalities():
    ranking = Ranking({"text": TEXT, "image": QueryWeights(fused=8, bias=-2)})
    fused, some = np.array([[0.2, 0.9]]), np.array([[0.5, np.nan]])
    both = ranking.logits(fused, {"text": some, "image": some}, {"text": some, "image": some})
    parts = [ranking.logits(fused, {m: some}, {m: some}) for m in ("text", "image")]
    np.testing.assert_allclose(both, sum(parts) / 2)


def test_queries_without_items_go_by_the_fused_cosine():
    scores = Ranking().score(np.linspace(-1, 1, 5))
    assert (np.diff(scores) > 0).all() and scores.min() >= 0 and scores.max() <= 1


def test_round_trip_and_damage():
    ranking = Ranking({"text": TEXT})
    assert Ranking.from_dict(ranking.to_dict()) == ranking
    for broken in ({}, {"queries": {"text": {"x": 1}}, "default": {}}, {"queries": 3, "default": {}}):
        with pytest.raises(DamagedError):
            Ranking.from_dict(broken)


def test_equal_content_wins_whatever_was_fitted():
    weights = QueryWeights(fused=10.0, own=0.0, near=0.0, bias=-5.0)
    ranking = Ranking({"text": weights})
    fused = np.array([0.5, 0.7, 0.7])
    own = {"text": np.array([1.0, 0.9, np.nan])}
    scores = ranking.score(fused, own)
    assert scores.argmax() == 0
    assert scores[1] == scores[2]
