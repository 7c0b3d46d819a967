import numpy as np
import pytest

from chiasm.training.metrics import bootstrap, paired_difference, query_metrics


def test_metrics_of_known_ranks():
    scores = np.tile(-np.arange(20.0), (3, 1))
    found = query_metrics(scores, [np.array([0]), np.array([3, 15]), np.array([19])])
    assert found["hit@1"].tolist() == [1, 0, 0]
    assert found["hit@10"].tolist() == [1, 1, 0]
    assert found["recall@10"].tolist() == [1, 0.5, 0]
    np.testing.assert_allclose(found["mrr"], [1, 1 / 4, 1 / 20])
    np.testing.assert_allclose(found["ndcg@10"], [1, (1 / np.log2(5)) / (1 + 1 / np.log2(3)), 0])


def test_ties_and_left_out_candidates_are_no_success():
    assert query_metrics(np.zeros((1, 30)), [np.array([4])])["hit@10"].tolist() == [0]
    scores = np.array([[-np.inf, 1.0, 0.0]])
    assert query_metrics(scores, [np.array([0])])["mrr"].tolist() == [0]


def test_intervals_follow_the_clusters():
    values = np.repeat([0.0, 1.0], 50)
    narrow, wide = bootstrap(values, np.arange(100)), bootstrap(values, np.repeat(np.arange(4), 25))
    assert wide[1] - wide[0] > narrow[1] - narrow[0] > 0
    difference = paired_difference(values, values - 0.1, np.arange(100))
    assert difference["mean"] == pytest.approx(0.1) and difference["low"] == pytest.approx(0.1)
