"""What holds of entities whose texts are alike: link prediction from frozen vectors, nothing trained."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from chiasm_graph.errors import ShapeError
from chiasm_graph.link_prediction.queries import Queries, both_directions
from chiasm_graph.triples import Triples

__all__ = ["TextAnalogies", "TextCases"]

Ints = npt.NDArray[np.int64]
#: Shares of votes are compared by their logarithm; below this they say as good as nothing.
_LEAST = 1e-3
#: Queries whose offsets are added up at a time: each has a vector a vote, and hubs have many.
_CHUNK = 64


class _Peers:
    """For a query the known queries of its relation whose heads' texts are the nearest, and their tails."""

    def __init__(self, features: Tensor, graph: Triples, *, cases: int = 64, sharpness: float = 15.0) -> None:
        if features.ndim != 2 or len(features) != graph.num_nodes:
            raise ShapeError(
                f"features are {tuple(features.shape)}",
                where="TextCases",
                remedy=f"hand in one vector for each of {graph.num_nodes} entities",
            )
        self.features = functional.normalize(features.float(), dim=1)
        self.num_entities, self.num_relations = graph.num_nodes, graph.num_relations
        self._cases, self._sharpness = cases, sharpness
        triples = np.stack([graph.heads, graph.relations, graph.tails], axis=1)
        self._known = Queries.group(both_directions(triples, graph.num_relations))
        self._of = [np.flatnonzero(self._known.relations == half) for half in range(2 * graph.num_relations)]

    def votes(self, heads: Tensor, relations: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Query, head and tail of each peer's triple, and its share of the query's votes, each ``(votes,)``."""
        found: list[tuple[Tensor, ...]] = []
        for half in torch.unique(relations).tolist():
            rows, peers = (relations == half).nonzero().squeeze(1), self._of[half]
            if len(peers):
                found.append(self._of_relation(rows, heads[rows], peers))
        if not found:
            none = torch.zeros(0, dtype=torch.int64)
            return none, none, none, torch.zeros(0)
        owner, peer, tail, share = (torch.cat(column) for column in zip(*found, strict=True))
        return owner, peer, tail, share

    def _of_relation(self, rows: Tensor, heads: Tensor, peers: Ints) -> tuple[Tensor, ...]:
        names = torch.from_numpy(self._known.heads[peers])
        alike = self.features[heads] @ self.features[names].T  # (B, D), (P, D) -> (B, P)
        # What is known of the head itself is no case.
        alike.masked_fill_(heads.unsqueeze(1) == names, -torch.inf)
        best = alike.topk(min(self._cases, len(peers)), dim=1)
        weight = (self._sharpness * best.values).softmax(1).nan_to_num(0.0)
        owner, place = self._known.tails_of(peers[best.indices.flatten().numpy()])
        at = torch.from_numpy(owner)
        tails = torch.from_numpy(self._known.tails[place])
        count = torch.bincount(at, minlength=best.indices.numel()).clamp_min(1)
        share = (weight.flatten() / count)[at]
        return rows[at // best.indices.shape[1]], names[best.indices.flatten()[at]], tails, share


class TextCases(_Peers):
    """Tails of the triples whose heads' texts are the nearest, by their votes: `TailScores`.

    A case-based answer as `chiasm_graph.rules.CaseBase` gives it, with texts in place of common facts.

    References:
        Das et al. 2020, "A Simple Approach to Case-Based Reasoning in Knowledge Bases", section 3.

    Args:
        features: Text vector of each entity, ``(entities, dim)``.
        graph: Of training, over the same entities.
        cases: Heads that vote for each query.
        sharpness: Votes are ``softmax(sharpness * cosine)``.

    Raises:
        ShapeError: Not one vector an entity.
    """

    @torch.inference_mode()
    def scores(self, heads: Tensor, relations: Tensor) -> Tensor:
        """``log(least + share) - log(least)``, ``(B, entities)``: 0 where nobody votes for an entity."""
        owner, _, tail, share = self.votes(heads, relations)
        total = torch.zeros(len(heads), self.num_entities)
        total.view(-1).index_add_(0, owner * self.num_entities + tail, share)
        return total.add_(_LEAST).log_().sub_(float(np.log(_LEAST)))


class TextAnalogies(_Peers):
    r"""Cosine to ``x_h + sum_i v_i (x_ti - x_hi)`` over the nearest triples' votes ``v``: `TailScores`.

    What leads from the heads of like triples to their tails leads from this head to its own; so it also finds tails that
    nobody has voted for.

    References:
        Mikolov et al. 2013, "Linguistic Regularities in Continuous Space Word Representations", section 4 (offsets).

    Args:
        features: Text vector of each entity, ``(entities, dim)``.
        graph: Of training, over the same entities.
        cases: Heads that vote for each query.
        sharpness: Votes are ``softmax(sharpness * cosine)``.

    Raises:
        ShapeError: Not one vector an entity.
    """

    @torch.inference_mode()
    def scores(self, heads: Tensor, relations: Tensor) -> Tensor:
        """Cosines, ``(B, entities)``."""
        parts = zip(torch.split(heads, _CHUNK), torch.split(relations, _CHUNK), strict=True)
        asked = [self._asked(*part) for part in parts] or [self.features[:0]]
        return functional.normalize(torch.cat(asked), dim=1) @ self.features.T

    def _asked(self, heads: Tensor, relations: Tensor) -> Tensor:
        owner, peer, tail, share = self.votes(heads, relations)
        offsets = share.unsqueeze(1) * (self.features[tail] - self.features[peer])  # (votes, D)
        return self.features[heads].index_add(0, owner, offsets)
