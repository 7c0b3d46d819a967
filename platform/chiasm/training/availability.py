"""How well entities are found that are known by some kinds of token alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from chiasm.training.metrics import query_metrics
from chiasm.training.queries import Query

if TYPE_CHECKING:
    from chiasm.training.evaluation import Bench

__all__ = ["missing_report"]


def missing_report(bench: Bench, queries: Sequence[Query]) -> dict[str, Any]:
    """hit@10 when entities are indexed without a kind of token, and for every pattern of what is there.

    ``{kind: hit@10 without it, ..., "patterns": [{"present", "n", "hit@10", "of_full", "excluded"}]}``. A pattern
    is asked for the queries of which an expected entity has one of its kinds; the others' answers cannot be in
    such an index at all and are counted as ``excluded`` entities when they have other tokens. ``of_full`` compares
    with the full index on the same queries.

    Args:
        bench: The index and how it is made.
        queries: Of one modality.
    """
    # A path is the graph's as well, and goes where it goes.
    kinds = tuple(kind for kind in bench.model.feature_dims if kind != "path")
    vectors, allowed = bench.fused(queries), bench.allowed(queries)
    expected = bench.expected(queries)

    def found(without: frozenset[str]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        index, present = bench.index(without)
        scores = np.where(allowed & present, vectors @ index.T, -np.inf)
        return query_metrics(scores, expected)["hit@10"], present

    full, everyone = found(frozenset())
    result: dict[str, Any] = {}
    for kind in bench.model.feature_dims:
        result[kind] = round(float(found(frozenset({kind}))[0].mean()), 4)
    patterns = []
    for size in range(1, len(kinds) + 1):
        for chosen in combinations(kinds, size):
            hits, present = found(frozenset(kinds) - set(chosen))
            answerable = np.array([bool(present[columns].any()) for columns in expected])
            if not answerable.any():
                continue
            mine, whole = float(hits[answerable].mean()), float(full[answerable].mean())
            patterns.append(
                {
                    "present": list(chosen),
                    "n": int(answerable.sum()),
                    "hit@10": round(mine, 4),
                    "of_full": round(mine / whole, 4) if whole else None,
                    "excluded": int((everyone & ~present).sum()),
                }
            )
    result["patterns"] = patterns
    return result
