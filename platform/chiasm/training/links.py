"""Judges the space on held-out edges: filtered ranks of the true ends."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from chiasm.fusion.runtime import FusionModel
from chiasm.training.dataset import Dataset
from chiasm.training.holdout import Visible
from chiasm.training.index import index_entities
from chiasm.training.membership import PairSet
from chiasm_graph import ComplexScorer

__all__ = ["link_metrics"]

Ints = npt.NDArray[np.int64]
#: Most edges judged, drawn evenly.
MOST = 2000


def link_metrics(
    model: FusionModel, scorer: ComplexScorer, data: Dataset, seen: Visible, split: str
) -> dict[str, float]:
    """``mrr``, ``hits@1``, ``hits@3``, ``hits@10`` and ``n`` over both directions of the held-out edges.

    Other true ends are left out of the ranking; ties count half. Edges of held-out words are no part of it:
    their names are hidden, so nothing is known about that end.

    Args:
        model: What fuses.
        scorer: Over relations and their inverses.
        data: The data set.
        seen: What may be known.
        split: Of the edges.
    """
    graph = data.graph
    hidden = seen.words[graph.heads] | seen.words[graph.tails]
    at = np.flatnonzero((data.triple_split == split) & ~seen.triples & ~hidden)
    at = at[np.unique(np.linspace(0, len(at) - 1, min(len(at), MOST)).astype(np.int64))] if len(at) else at
    if not len(at):
        return {}
    rows = np.arange(data.num_entities)
    vectors, present = index_entities(model, data, seen.assets, seen.graph, rows)
    ranks = []
    directions = (
        (graph.heads, graph.relations, graph.tails),
        (graph.tails, graph.relations + graph.num_relations, graph.heads),
    )
    for heads, relations, tails in directions:
        known = PairSet(heads * (2 * graph.num_relations) + relations, tails, data.num_entities)
        ranks.append(_ranks(vectors, present, scorer, known, heads[at], relations[at], tails[at]))
    places = np.concatenate(ranks)
    hits = {f"hits@{k}": round(float((places <= k).mean()), 4) for k in (1, 3, 10)}
    return {"n": float(len(places)), "mrr": round(float((1 / places).mean()), 4), **hits}


@torch.inference_mode()
def _ranks(
    vectors: npt.NDArray[np.float32],
    present: npt.NDArray[np.bool_],
    scorer: ComplexScorer,
    known: PairSet,
    heads: Ints,
    relations: Ints,
    tails: Ints,
) -> npt.NDArray[np.float64]:
    """Filtered rank of each true end, from 1, ``(edges,)``."""
    places = []
    codes = heads * scorer.real.shape[0] + relations
    device = scorer.real.device
    for start in range(0, len(heads), 256):
        span = slice(start, start + 256)
        asked = torch.from_numpy(vectors[heads[span]]).to(device)
        turned = scorer.project(asked, torch.from_numpy(relations[span]).to(device)).cpu().numpy()
        scores = turned @ vectors.T
        own = scores[np.arange(len(turned)), tails[span]][:, None]
        scores[:, ~present] = -np.inf
        # An entity is no answer to a question about itself, and would be its own best one.
        scores[np.arange(len(turned)), heads[span]] = -np.inf
        scores[known.matrix(codes[span], np.arange(len(vectors)))] = -np.inf
        places.append(1 + (scores > own).sum(1) + (scores == own).sum(1) / 2)
    return np.concatenate(places)
