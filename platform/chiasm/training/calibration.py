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
from chiasm.training.evidence import Cosines

__all__ = ["Judged", "fit_ranking"]

Floats = npt.NDArray[np.float32]
#: Fewest queries of a modality that earn weights of their own.
FEWEST = 10
#: Weights of near and words where both are known, fitted on 600 held-out words; how far they may be from them.
_WORDS_START, _WORDS_SCALE = (0.5, 1.3), (3.0, 0.5)


@dataclass(frozen=True)
class Judged:
    """What queries of one modality have in common with all candidates, and what is right."""

    cosines: Cosines
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
    for modality, asked in judged.items():
        if len(asked.expected) >= FEWEST:
            queries[modality] = _fit(asked, first)
    known = list(queries.values())
    if not known:
        return Ranking(queries, QueryWeights(fused=12.0, bias=-7.0))
    # A candidate of which nothing but the fused cosine is known: everything else is what is expected then.
    bias = [w.bias + w.own * w.own_base + w.near * w.near_base + w.words * w.words_base for w in known]
    slope = [w.fused + w.own * w.own_slope + w.near * w.near_slope + w.words * w.words_slope for w in known]
    return Ranking(queries, QueryWeights(fused=float(np.mean(slope)), bias=float(np.mean(bias))))


def _fit(judged: Judged, start: QueryWeights) -> QueryWeights:
    fused = np.asarray(judged.cosines.fused, dtype=np.float32)
    near_base, near_slope = _expectation(judged.cosines.near, fused)
    around = _filled(judged.cosines.near, near_base + near_slope * fused)
    own_base, own_slope, own_near = _expectation(judged.cosines.own, fused, around)
    words_base, words_slope = _expectation(judged.cosines.words, fused)
    f, near = torch.from_numpy(fused), torch.from_numpy(around)
    own = torch.from_numpy(_filled(judged.cosines.own, own_base + own_slope * fused + own_near * around))
    words = torch.from_numpy(_filled(judged.cosines.words, words_base + words_slope * fused))
    right = torch.zeros(f.shape, dtype=torch.bool)
    for i, columns in enumerate(judged.expected):
        right[i, torch.from_numpy(np.asarray(columns))] = True
    lacking = torch.from_numpy(~np.isfinite(judged.cosines.own))
    apart = torch.from_numpy(~np.isfinite(judged.cosines.near))
    weights = torch.from_numpy(judged.weights / max(judged.weights.sum(), 1e-12)).float()
    begin = torch.tensor([start.fused, start.own, start.near, 0.0, 0.0, 0.0])
    # The last two are offsets of cosines: wide enough that some dozen queries can say that lacking a modality
    # tells for or against a candidate.
    scale = torch.tensor([20.0, 20.0, 20.0, 5.0, 1.0, 1.0])
    if np.isfinite(judged.cosines.words).any():
        # What all words say together holds most of what the nearest one says; few queries cannot tell the
        # two apart, so they are kept close to what many could.
        begin[2:4], scale[2:4] = torch.tensor(_WORDS_START), torch.tensor(_WORDS_SCALE)
    raw = begin.clone().requires_grad_(True)
    optimiser = torch.optim.LBFGS([raw], max_iter=40, line_search_fn="strong_wolfe")

    def logits_of(values: Tensor) -> Tensor:
        slopes, (lacks, stands_apart) = values[:4].clamp_min(0), values[4:]
        # What is not near says something about what would be near, and through that about an own asset.
        around_all = near + stands_apart * apart
        own_all = own + (lacks + own_near * stands_apart * apart) * lacking
        return slopes[0] * f + slopes[1] * own_all + slopes[2] * around_all + slopes[3] * words

    def closure() -> Tensor:
        optimiser.zero_grad()
        logits = logits_of(raw)
        chance = torch.logsumexp(logits.masked_fill(~right, -1e4), 1) - torch.logsumexp(logits, 1)
        # A gradient also below zero, so that a weight can come back.
        negative = functional.relu(-raw[:4]).square().sum()
        pull = ((raw - begin) / scale).square().sum() / len(f) ** 0.5 + negative
        loss = -(weights * chance).sum() + pull
        loss.backward()
        return loss

    with torch.enable_grad():
        optimiser.step(closure)  # type: ignore[no-untyped-call]
    fitted = raw.detach()
    slopes = fitted[:4].clamp_min(0).tolist()
    # In a softmax the chance of a candidate is sigmoid(logit - log of the others' sum).
    bias = -float(torch.logsumexp(logits_of(fitted), 1).median())
    return QueryWeights(
        fused=slopes[0],
        own=slopes[1],
        near=slopes[2],
        words=slopes[3],
        bias=bias,
        own_base=own_base + float(fitted[4]),
        own_slope=own_slope,
        own_near=own_near,
        near_base=near_base + float(fitted[5]),
        near_slope=near_slope,
        words_base=words_base,
        words_slope=words_slope,
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
