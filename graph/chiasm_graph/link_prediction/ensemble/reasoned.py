"""What rules and cases say, as scores of all entities."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from chiasm_graph.rules import CaseBase, RuleBase, aggregate

__all__ = ["ReasonedScores"]

#: Confidences are compared by their logarithm; below this a rule says as good as nothing.
_LEAST = 1e-3


class ReasonedScores:
    """Confidence of rules, or share of cases, for each entity: `TailScores`.

    Args:
        by: Rules (the best one counts, further ones tell equals apart), or cases.
    """

    def __init__(self, by: RuleBase | CaseBase) -> None:
        self._by = by
        self.num_entities, self.num_relations = by.facts.num_nodes, by.facts.num_relations

    def scores(self, heads: Tensor, relations: Tensor) -> Tensor:
        """``log(least + confidence) - log(least)``, ``(B, entities)``: 0 where nothing speaks for an entity."""
        found = np.zeros((len(heads), self.num_entities), dtype=np.float32)
        for half in np.unique(relations.numpy()).tolist():
            rows = np.flatnonzero(relations.numpy() == half)
            starts, at = np.unique(heads.numpy()[rows], return_inverse=True)
            found[rows] = self._said(half, starts)[at]
        return torch.from_numpy(np.log((_LEAST + found) / _LEAST))

    def _said(self, half: int, starts: np.ndarray) -> np.ndarray:
        said = np.zeros((len(starts), self.num_entities), dtype=np.float32)
        if isinstance(self._by, CaseBase):
            votes = self._by.vote(half, starts)
            np.add.at(said, (votes.owner, votes.candidate), votes.weight)
            return said
        best = aggregate(self._by.propose(half, starts), self._by.weights, self.num_entities)
        if len(best.owner):
            # Less than any two confidences differ by.
            said[best.owner, best.candidate] = best.score + 1e-6 * best.order / (best.order.max() + 1)
        return said
