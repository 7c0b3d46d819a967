"""A weighted sum of scorers, with weights of each relation."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from chiasm_graph.errors import ShapeError
from chiasm_graph.link_prediction.tail_scores import TailScores

__all__ = ["Ensemble", "Standardised"]


class Ensemble:
    r"""``sum_m w_rm s_m``: `TailScores` of several members, weighted by relation.

    Args:
        members: By name; all over the same entities and relations.
        weights: ``(2 * relations, members)``, reciprocal relations in the upper half.

    Raises:
        ShapeError: Members differ in entities or relations, or the weights do not fit.
    """

    def __init__(self, members: Mapping[str, TailScores], weights: Tensor) -> None:
        self.members = dict(members)
        sizes = {(member.num_entities, member.num_relations) for member in self.members.values()}
        if len(sizes) != 1:
            raise ShapeError(f"members differ in entities or relations: {sorted(sizes)}", where="Ensemble")
        [(self.num_entities, self.num_relations)] = sizes
        wanted = (2 * self.num_relations, len(self.members))
        if weights.shape != wanted:
            raise ShapeError(f"weights are {tuple(weights.shape)}, not {wanted}", where="Ensemble")
        self.weights = weights

    @torch.inference_mode()
    def scores(self, heads: Tensor, relations: Tensor) -> Tensor:
        """Weighted sums, ``(B, entities)`` from ``(B,)``, ``(B,)`` int64."""
        total = torch.zeros(len(heads), self.num_entities)
        for column, member in enumerate(self.members.values()):
            weight = self.weights[relations, column].unsqueeze(1)
            if bool((weight != 0).any()):
                total.addcmul_(member.scores(heads, relations), weight)
        return total


class Standardised:
    """A scorer whose scores have mean 0 and deviation 1 over the entities of each query: `TailScores`.

    So scores of different kinds and of different queries weigh alike; a row of one value becomes 0.

    Args:
        inner: Any scorer.
    """

    def __init__(self, inner: TailScores) -> None:
        self._inner = inner
        self.num_entities, self.num_relations = inner.num_entities, inner.num_relations

    @torch.inference_mode()
    def scores(self, heads: Tensor, relations: Tensor) -> Tensor:
        """Standardised scores, ``(B, entities)`` from ``(B,)``, ``(B,)`` int64."""
        scores = self._inner.scores(heads, relations)
        deviation, mean = torch.std_mean(scores, dim=1, keepdim=True, correction=0)
        flat = deviation <= 1e-6 * mean.abs().clamp_min(1e-12)
        return scores.sub_(mean).div_(deviation.masked_fill(flat, 1.0)).masked_fill_(flat, 0.0)
