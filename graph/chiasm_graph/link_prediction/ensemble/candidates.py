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
    top: int = 30,
    drawn: int = 30,
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
    any_member = next(iter(members.values()))
    count, entities = any_member.num_relations, any_member.num_entities
    asked = Queries.group(both_directions(triples, count))
    true = Queries.group(both_directions(np.concatenate([known, triples]), count))
    generator = torch.Generator().manual_seed(seed)
    relations, scores = [], []
    size = max(1, BLOCK // entities)
    for start in range(0, len(asked), size):
        at = np.arange(start, min(start + size, len(asked)))
        heads, links = torch.from_numpy(asked.heads[at]), torch.from_numpy(asked.relations[at])
        owner, place = map(torch.from_numpy, true.tails_of(true.find(asked.heads[at], asked.relations[at])))
        answers = owner, torch.from_numpy(true.tails)[place]
        each = [member.scores(heads, links) for member in members.values()]
        some = torch.randint(entities, (len(at), drawn), generator=generator)
        picked = torch.cat([*(_best(one, answers, min(top, entities)) for one in each), some], dim=1)
        # One wrong tail stands once however many members like it; true ones do not count.
        picked = picked.sort(dim=1).values
        gone = torch.zeros_like(picked, dtype=torch.bool)
        gone[:, 1:] = picked[:, 1:] == picked[:, :-1]
        right = torch.zeros(len(at), entities, dtype=torch.bool).index_put(answers, torch.tensor(True))
        gone |= right.gather(1, picked)
        owner, place = map(torch.from_numpy, asked.tails_of(at))
        columns = torch.cat([torch.from_numpy(asked.tails)[place].unsqueeze(1), picked[owner]], dim=1)
        values = torch.stack([one[owner.unsqueeze(1), columns] for one in each], dim=2)  # (T, 1 + C, M)
        values[:, 1:].masked_fill_(gone[owner].unsqueeze(2), -torch.inf)
        scores.append(values)
        relations.append(links[owner])
    return Candidates(torch.cat(relations), torch.cat(scores))


def _best(scores: Tensor, answers: tuple[Tensor, Tensor], top: int) -> Tensor:
    """The best wrong tails, ``(B, top)``."""
    return scores.index_put(answers, torch.tensor(-torch.inf)).topk(top, dim=1).indices
