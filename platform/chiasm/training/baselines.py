"""What search gives without a trained model: late fusion over the spaces, and the best of them alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from chiasm.training.evidence import near_evidence, own_evidence
from chiasm.training.metrics import query_metrics
from chiasm.training.queries import Query

if TYPE_CHECKING:
    from chiasm.training.evaluation import Bench

__all__ = ["baseline_scores", "reciprocal_rank_fusion", "single_spaces"]

Floats = npt.NDArray[np.floating]
#: Of reciprocal rank fusion, as in Cormack et al. 2009.
OFFSET = 60


def single_spaces(bench: Bench, queries: Sequence[Query]) -> dict[str, Floats]:
    """Scores of each space that can answer, ``(queries, candidates)``, minus infinity where it has nothing.

    ``max`` is the best asset of the query's own modality, ``mean`` the mean of an entity's assets,
    ``near`` the
    best asset of its neighbours; a modality of the same space as the query's gives spaces of its own.
    """
    data, seen, modality = bench.data, bench.seen, queries[0].modality
    asked = bench.asked(queries).astype(np.float32)
    pooled = data.pooled(seen.assets)
    spaces: dict[str, Floats] = {}
    for target in data.modalities:
        pair = _comparable(bench, modality, target, asked)
        if pair is None:
            continue
        vectors, columns = pair
        values, present = pooled[target]
        values = values[:, columns] if columns is not None else values
        length = np.linalg.norm(values, axis=1, keepdims=True)
        mean = vectors @ (values / np.maximum(length, 1e-12)).T
        spaces[f"{target} mean"] = np.where(present, mean, -np.inf)[:, bench.rows]
        if columns is None:
            own = own_evidence(data, seen.assets, target, vectors)
            near = near_evidence(own, seen.graph)
            spaces[f"{target} max"] = np.where(np.isnan(own), -np.inf, own)[:, bench.rows]
            spaces[f"{target} near"] = np.where(np.isnan(near), -np.inf, near)[:, bench.rows]
    allowed = bench.allowed(queries)
    return {name: np.where(allowed, scores, -np.inf) for name, scores in spaces.items()}


def reciprocal_rank_fusion(spaces: Sequence[Floats]) -> Floats:
    """Sum of ``1 / (60 + rank)`` over spaces, ``(queries, candidates)``.

    Minus infinity where none has the candidate.
    """
    total = np.zeros_like(spaces[0], dtype=np.float64)
    for scores in spaces:
        order = np.argsort(-scores, axis=1, kind="stable")
        ranks = np.empty_like(order)
        np.put_along_axis(ranks, order, np.arange(scores.shape[1])[None, :] + 1, axis=1)
        total += np.where(np.isfinite(scores), 1.0 / (OFFSET + ranks), 0.0)
    return np.where(total > 0, total, -np.inf)


def baseline_scores(
    bench: Bench, queries: Sequence[Query], valid: Bench
) -> tuple[Floats, tuple[str, Floats]]:
    """Scores of late fusion, and name and scores of the space that is best on other queries."""
    spaces = single_spaces(bench, queries)
    others = [q for q in valid.queries if q.modality == queries[0].modality]
    judged_by, asked = (valid, others) if others else (bench, list(queries))
    quality = {
        name: query_metrics(scores, judged_by.expected(asked))["mrr"].mean()
        for name, scores in single_spaces(judged_by, asked).items()
    }
    best = max(sorted(quality), key=lambda name: float(quality[name]))
    return reciprocal_rank_fusion(list(spaces.values())), (best, spaces[best])


def _comparable(
    bench: Bench, modality: str, target: str, asked: Floats
) -> tuple[npt.NDArray[np.float32], slice | None] | None:
    """Query vectors and columns in which two modalities can be compared; None when they cannot."""
    if modality == target:
        return asked.astype(np.float32), None
    columns = bench.data.shared_columns
    if modality not in columns and modality != "text":
        return None
    part = asked[:, slice(*columns[modality])] if modality in columns else asked
    part = (part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12)).astype(np.float32)
    if target == "text":
        return part, None
    return (part, slice(*columns[target])) if target in columns else None
