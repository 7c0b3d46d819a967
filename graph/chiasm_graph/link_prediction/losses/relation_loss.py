"""Which relation leads from one end to the other, as a task beside."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from chiasm_graph.scorers.scorer import Scorer

__all__ = ["relation_loss"]


def relation_loss(scorer: Scorer, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
    """Mean cross-entropy of the true relation among all, reciprocal ones included.

    Args:
        scorer: Scores all relations between two ends.
        heads: ``(T, dim)``.
        relations: True relation, ``(T,)`` int64.
        tails: ``(T, dim)``.

    Returns:
        A scalar.

    References:
        Chen et al. 2021, "Relation Prediction as an Auxiliary Training Objective for Improving Multi-Relational
        Graph Representations", eq. 3.
    """
    return functional.cross_entropy(scorer.all_relations(heads, tails), relations)
