"""What an ensemble's weights are fitted on: true tails beside the wrong ones that some member takes for true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from chiasm_graph.link_prediction.evaluation import BLOCK
from chiasm_graph.link_prediction.queries import Queries, both_directions
from chiasm_graph.link_prediction.tail_scores import TailScores

__all__ = ["Candidates", "draw_candidates"]

Ints = npt.NDArray[np.int64]


class Candidates(NamedTuple):
    """Scores of the true tail (first) and of wrong ones, a row a triple and direction."""

    #: (T,) int64, reciprocal ones in the upper half
    relations: Tensor
    #: (T, 1 + candidates, members)
    scores: Tensor


@torch.no_grad()
def draw_candidates(
    members: Mapping[str, TailScores],
    triples: Ints,
    known: Ints,
    *,
    top: int = 50,
    drawn: int = 50,
    seed: int = 0,
) -> Candidates:
    """Scores of the true tails and of ``top`` wrong ones by each member, and of ``drawn`` others.

    Args:
        members: What is to be mixed.
        triples: To fit on, ``(triples, 3)``; both directions are asked.
        known: All triples that may be known then; their tails are nobody's wrong ones.
        top: Best wrong ones by each member.
        drawn: Wrong ones, evenly.
        seed: Of what is drawn.
    """
    count = next(iter(members.values())).num_relations
    entities = next(iter(members.values())).num_entities
    asked = Queries.group(both_directions(triples, count))
    true = Queries.group(both_directions(np.concatenate([known, triples]), count))
    generator = torch.Generator().manual_seed(seed)
    relations, scores = [], []
    size = max(1, BLOCK // (entities * len(members)))
    for start in range(0, len(asked), size):
        at = np.arange(start, min(start + size, len(asked)))
        heads, links = torch.from_numpy(asked.heads[at]), torch.from_numpy(asked.relations[at])
        each = torch.stack([m.scores(heads, links) for m in members.values()], dim=2)  # (B, N, M)
        owner, place = true.tails_of(true.find(asked.heads[at], asked.relations[at]))
        wrong = each.clone()
        wrong[torch.from_numpy(owner), torch.from_numpy(true.tails[place])] = -torch.inf
        best = wrong.topk(min(top, entities), dim=1).indices.flatten(1)  # (B, top * M)
        some = torch.randint(entities, (len(at), drawn), generator=generator)
        picked = torch.cat([best, some], dim=1)
        # One wrong tail stands once however many members like it; true ones do not count.
        order = picked.sort(dim=1)
        again = torch.zeros_like(order.values, dtype=torch.bool)
        again[:, 1:] = order.values[:, 1:] == order.values[:, :-1]
        rows = torch.arange(len(at)).unsqueeze(1)
        values = wrong[rows, order.values].masked_fill(again.unsqueeze(2), -torch.inf)
        owner, place = asked.tails_of(at)
        own = each[torch.from_numpy(owner), torch.from_numpy(asked.tails[place])]
        scores.append(torch.cat([own.unsqueeze(1), values[torch.from_numpy(owner)]], dim=1))
        relations.append(links[torch.from_numpy(owner)])
    return Candidates(torch.cat(relations), torch.cat(scores))
