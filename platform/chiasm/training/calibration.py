"""Fits the ranking on queries the model has not been trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from chiasm.fusion.ranking import QueryWeights, Ranking

__all__ = ["Judged", "fit_ranking"]

Floats = npt.NDArray[np.float32]
#: Fewest queries of a modality that earn weights of their own.
FEWEST = 10


@dataclass(frozen=True)
class Judged:
    """Cosines of queries of one modality to all candidates, ``(queries, candidates)``, and what is right."""

    fused: Floats
    own: Floats
    near: Floats
    expected: Sequence[npt.NDArray[np.int64]]
    #: How much each query counts, ``(queries,)``
    weights: npt.NDArray[np.float64]


def fit_ranking(judged: dict[str, Judged], start: QueryWeights | None = None) -> Ranking:
    """Weights that make the right candidates likeliest among all (a softmax over candidates).

    Few parameters, pulled towards ``start``: a modality with few queries keeps nearly the default.

    Args:
        judged: By modality of the query.
        start: Where the fit starts and what it is pulled to.
    """
    first = start or QueryWeights(fused=15.0, own=2.0, near=2.0)
    queries = {}
    for modality, cosines in judged.items():
        if len(cosines.expected) >= FEWEST:
            queries[modality] = _fit(cosines, first)
    known = list(queries.values())
    bias = (
        float(np.mean([w.bias + w.own * w.own_base + w.near * w.near_base for w in known])) if known else -7.0
    )
    slope = [w.fused + w.own * w.own_slope + w.near * w.near_slope for w in known]
    return Ranking(queries, QueryWeights(fused=float(np.mean(slope)) if known else 12.0, bias=bias))


def _fit(cosines: Judged, start: QueryWeights) -> QueryWeights:
    fused = np.asarray(cosines.fused, dtype=np.float32)
    near_base, near_slope = _expectation(cosines.near, fused)
    around = _filled(cosines.near, near_base + near_slope * fused)
    own_base, own_slope, own_near = _expectation(cosines.own, fused, around)
    f, near = torch.from_numpy(fused), torch.from_numpy(around)
    own = torch.from_numpy(_filled(cosines.own, own_base + own_slope * fused + own_near * around))
    right = torch.zeros(f.shape, dtype=torch.bool)
    for i, columns in enumerate(cosines.expected):
        right[i, torch.from_numpy(np.asarray(columns))] = True
    lacking = torch.from_numpy(~np.isfinite(cosines.own))
    apart = torch.from_numpy(~np.isfinite(cosines.near))
    weights = torch.from_numpy(cosines.weights / max(cosines.weights.sum(), 1e-12)).float()
    begin = torch.tensor([start.fused, start.own, start.near, 0.0, 0.0])
    scale = torch.tensor([20.0, 20.0, 20.0, 0.3, 0.3])
    raw = begin.clone().requires_grad_(True)
    optimiser = torch.optim.LBFGS([raw], max_iter=40, line_search_fn="strong_wolfe")

    def judged(slopes: Tensor, lacks: Tensor, stands_apart: Tensor) -> Tensor:
        # What is not near says something about what would be near, and through that about an own asset.
        around_all = near + stands_apart * apart
        own_all = own + (lacks + own_near * stands_apart * apart) * lacking
        return slopes[0] * f + slopes[1] * own_all + slopes[2] * around_all

    def closure() -> Tensor:
        optimiser.zero_grad()
        logits = judged(raw[:3].clamp_min(0), raw[3], raw[4])
        chance = torch.logsumexp(logits.masked_fill(~right, -1e4), 1) - torch.logsumexp(logits, 1)
        # A gradient also below zero, so that a weight can come back.
        pull = ((raw - begin) / scale).square().sum() / len(f) ** 0.5 + functional.relu(
            -raw[:3]
        ).square().sum()
        loss = -(weights * chance).sum() + pull
        loss.backward()
        return loss

    with torch.enable_grad():
        optimiser.step(closure)  # type: ignore[no-untyped-call]
    fitted = raw.detach()
    fused_weight, own_weight, near_weight = fitted[:3].clamp_min(0).tolist()
    logits = judged(fitted[:3].clamp_min(0), fitted[3], fitted[4])
    # In a softmax the chance of a candidate is sigmoid(logit - log of the others' sum).
    bias = -float(torch.logsumexp(logits, 1).median())
    return QueryWeights(
        fused=fused_weight,
        own=own_weight,
        near=near_weight,
        bias=bias,
        own_base=own_base + float(fitted[3]),
        own_slope=own_slope,
        own_near=own_near,
        near_base=near_base + float(fitted[4]),
        near_slope=near_slope,
    )


def _expectation(values: Floats, *known: Floats) -> tuple[float, ...]:
    """Least squares of a cosine on others over candidates that have it: base, then a slope for each."""
    there = np.isfinite(values)
    if there.sum() < 2:
        return (0.0,) * (1 + len(known))
    design = np.stack([np.ones(int(there.sum())), *(k[there].astype(np.float64) for k in known)], axis=1)
    # A cosine that never varies decides nothing; the least-norm solution gives it no slope.
    return tuple(np.linalg.lstsq(design, values[there].astype(np.float64), rcond=1e-6)[0].tolist())


def _filled(values: Floats, expected: Floats) -> Floats:
    return np.where(np.isfinite(values), values, expected).astype(np.float32)
