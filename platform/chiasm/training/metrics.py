"""Retrieval metrics from ranks, with intervals clustered by source."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["METRICS", "bootstrap", "clustered", "paired_difference", "query_metrics", "summary"]

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

METRICS = ("hit@1", "hit@10", "recall@10", "mrr", "ndcg@10")
REPEATS = 1000


def query_metrics(scores: Floats, expected: Sequence[Ints]) -> dict[str, npt.NDArray[np.float64]]:
    """Metrics of each query, by name, ``(queries,)``.

    Ties count against the expected candidate, so that equal scores for all are no success.

    Args:
        scores: ``(queries, candidates)``; minus infinity leaves a candidate out.
        expected: Columns that count as right, at least one a query.
    """
    result = {name: np.zeros(len(expected)) for name in METRICS}
    for i, right in enumerate(expected):
        line = scores[i]
        others = np.ones(len(line), dtype=np.bool_)
        others[right] = False
        wrong = line[others]
        own = np.sort(line[right])[::-1]
        # Place among all: wrong ones at least as good come first, then right ones before it.
        ranks = np.array([(wrong >= s).sum() for s in own]) + np.arange(len(own))
        found = ranks[(ranks < 10) & np.isfinite(own)]
        first = ranks[0] if np.isfinite(own[0]) else np.inf
        ideal = (1 / np.log2(np.arange(min(10, len(own))) + 2)).sum()
        result["hit@1"][i] = first < 1
        result["hit@10"][i] = first < 10
        result["recall@10"][i] = len(found) / len(own)
        result["mrr"][i] = 1 / (1 + first)
        result["ndcg@10"][i] = (1 / np.log2(found + 2)).sum() / ideal
    return result


def clustered(groups: Ints, repeats: int = REPEATS, seed: int = 0) -> npt.NDArray[np.float64]:
    """Weights of queries in bootstrap samples that draw whole groups, ``(repeats, queries)``.

    Rows sum to 1.
    """
    inverse = np.unique(groups, return_inverse=True)[1]
    count = int(inverse.max()) + 1 if len(inverse) else 0
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / max(1, count)), size=repeats)
    weights = draws[:, inverse].astype(np.float64)
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)


def bootstrap(values: Floats, groups: Ints) -> list[float]:
    """95 % interval of the mean, ``[low, high]``."""
    means = clustered(groups) @ values
    return [round(float(v), 4) for v in np.percentile(means, [2.5, 97.5])]


def paired_difference(ours: Floats, theirs: Floats, groups: Ints) -> dict[str, float]:
    """Mean of ``ours - theirs`` over queries and its 95 % interval."""
    low, high = bootstrap(np.asarray(ours) - np.asarray(theirs), groups)
    return {"mean": round(float(np.mean(ours) - np.mean(theirs)), 4), "low": low, "high": high}


def summary(metrics: dict[str, npt.NDArray[np.float64]], groups: Ints) -> dict[str, object]:
    """Means over queries, with ``n`` and the intervals of hit@10 and MRR."""
    means: dict[str, object] = {name: round(float(values.mean()), 4) for name, values in metrics.items()}
    intervals = {name: bootstrap(metrics[name], groups) for name in ("hit@10", "mrr")}
    return {"n": len(groups), **means, "ci95": intervals}
