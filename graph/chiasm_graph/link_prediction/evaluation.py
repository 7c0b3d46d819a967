"""Filtered ranks of true tails among all entities."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from chiasm_graph.errors import GraphError
from chiasm_graph.link_prediction.encoded_model import EncodedLinkModel
from chiasm_graph.link_prediction.queries import Queries, both_directions, check_triples
from chiasm_graph.link_prediction.tail_scores import TailScores

__all__ = ["LinkMetrics", "filtered_ranks", "link_metrics_of"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
#: Numbers of one block of scores, 32 MiB: it stays near the processor while it is counted.
BLOCK = 1 << 23


class LinkMetrics(NamedTuple):
    """Means over queries."""

    mrr: float
    hits_1: float
    hits_3: float
    hits_10: float
    #: Queries, two a triple.
    n: int

    def to_dict(self) -> dict[str, float]:
        """Named as in the literature: ``mrr``, ``hits@1``, ``hits@3``, ``hits@10``."""
        return {
            "mrr": self.mrr,
            "hits@1": self.hits_1,
            "hits@3": self.hits_3,
            "hits@10": self.hits_10,
        }


def link_metrics_of(ranks: Floats) -> LinkMetrics:
    """Metrics of ranks, ``(queries,)``."""
    if not len(ranks):
        raise GraphError("no queries to judge by", where="link_metrics_of")
    first, three, ten = (float((ranks <= k).mean()) for k in (1, 3, 10))
    return LinkMetrics(float((1.0 / ranks).mean()), first, three, ten, len(ranks))


@torch.inference_mode()
def filtered_ranks(model: TailScores, triples: Ints, known: Ints) -> Floats:
    """Rank of each triple's tail, then of each triple's head, among all entities but other true answers.

    The rank is the realistic one: the mean of the best and the worst place that ties allow, so a
    model that gives everything one score is in the middle and not at the top.

    Args:
        model: What scores; heads are asked for by reciprocal relations.
        triples: To judge, ``(triples, 3)``.
        known: All true triples, these included or not, ``(known, 3)``.

    Returns:
        ``(2 * triples,)``, from 1: tails first.

    Raises:
        ShapeError: A number stands for no entity or relation.
        GraphError: A score is not finite.

    References:
        Bordes et al. 2013 (filtered setting); Berrendorf et al. 2020, "On the Ambiguity of Rank-Based Evaluation
        of Entity Alignment or Link Prediction Methods" (realistic rank).
    """
    for given in (triples, known):
        check_triples(given, model.num_entities, model.num_relations)
    # Not anew for each block.
    vectors = model.encoded() if isinstance(model, EncodedLinkModel) else model
    asked = Queries.group(both_directions(triples, model.num_relations))
    true = Queries.group(both_directions(np.concatenate([known, triples]), model.num_relations))
    ranks = np.empty(len(asked.tails))
    size = max(1, BLOCK // max(1, model.num_entities))
    for start in range(0, len(asked), size):
        at = np.arange(start, min(start + size, len(asked)))
        owner, place = asked.tails_of(at)
        answers = true.tails_of(true.find(asked.heads[at], asked.relations[at]))
        ranks[asked.rows[place]] = _block_ranks(vectors, asked, at, owner, asked.tails[place], answers, true)
    return ranks


def _block_ranks(
    model: TailScores,
    asked: Queries,
    at: Ints,
    owner: Ints,
    tails: Ints,
    answers: tuple[Ints, Ints],
    true: Queries,
) -> Floats:
    scores = model.scores(torch.from_numpy(asked.heads[at]), torch.from_numpy(asked.relations[at]))
    rows, wanted = torch.from_numpy(owner), torch.from_numpy(tails)
    own = scores[rows, wanted]
    # What is no number beats nobody, so it would make ranks better.
    if not bool(torch.isfinite(scores.sum())):
        raise GraphError("scores are not finite", where="evaluation", remedy="lower the learning rate")
    # The own tail is among the answers: it neither beats nor ties itself.
    scores[torch.from_numpy(answers[0]), torch.from_numpy(true.tails[answers[1]])] = -torch.inf
    beaten, tied = np.empty(len(own), dtype=np.int64), np.empty(len(own), dtype=np.int64)
    # A query with many tails is compared once for each, so again by blocks.
    size = max(1, BLOCK // max(1, scores.shape[1]))
    for start in range(0, len(own), size):
        span = slice(start, start + size)
        block, mine = scores[rows[span]] if len(own) != len(scores) else scores[span], own[span, None]
        beaten[span] = (block > mine).sum(1).numpy()
        tied[span] = (block == mine).sum(1).numpy()
    return 1.0 + beaten + tied / 2
