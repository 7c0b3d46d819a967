"""Fits the weights of an ensemble."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from chiasm_graph.link_prediction.ensemble.candidates import Candidates, draw_candidates
from chiasm_graph.link_prediction.ensemble.mixture import Ensemble
from chiasm_graph.link_prediction.tail_scores import TailScores

__all__ = ["fit_ensemble", "fit_weights"]

Ints = npt.NDArray[np.int64]
_STEPS = 60


def fit_ensemble(
    members: Mapping[str, TailScores], triples: Ints, known: Ints, *, spread: float = 0.1, seed: int = 0
) -> Ensemble:
    """Members mixed by the weights under which held-out tails are the likeliest.

    Args:
        members: By name; trained without ``triples``.
        triples: The valid split, ``(triples, 3)``.
        known: All triples that may be known then, ``(known, 3)``.
        spread: How far a relation's weights may stand from those of all: see `fit_weights`.
        seed: Of the wrong tails that are drawn.
    """
    drawn = draw_candidates(members, triples, known, seed=seed)
    count = next(iter(members.values())).num_relations
    return Ensemble(members, fit_weights(drawn, 2 * count, spread=spread))


def fit_weights(drawn: Candidates, num_relations: int, *, spread: float = 0.1) -> Tensor:
    r"""Weights that minimise ``-sum log softmax(sum_m w_rm s_m)_true + |w_r - w|^2 / (2 spread^2)``.

    Convex, so the start does not matter. A relation with few triples keeps to the weights of all.

    Args:
        drawn: Scores of true and wrong tails.
        num_relations: Reciprocal ones counted.
        spread: Standard deviation of a relation's weights about those of all.

    Returns:
        ``(num_relations, members)``.
    """
    members = drawn.scores.shape[2]
    shared = torch.zeros(members, requires_grad=True)
    own = torch.zeros(num_relations, members, requires_grad=True)
    gone = torch.isinf(drawn.scores[..., 0])
    scores = drawn.scores.masked_fill(gone.unsqueeze(2), 0.0)
    target = torch.zeros(len(scores), dtype=torch.int64)
    optimizer = torch.optim.LBFGS([shared, own], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        logits = (
            (scores @ (shared + own)[drawn.relations].unsqueeze(2)).squeeze(2).masked_fill(gone, -torch.inf)
        )
        return functional.cross_entropy(logits, target, reduction="sum") + (own / spread).square().sum() / 2

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return (shared + own).detach()
