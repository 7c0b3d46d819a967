from dataclasses import replace

import numpy as np
import pytest
import torch

from chiasm_graph.errors import GraphError, ShapeError
from chiasm_graph.link_prediction import LinkConfig, LinkData, LinkTrainer, filtered_ranks, link_metrics_of
from chiasm_graph.link_prediction.folding import fold_in, mean_of_neighbours
from chiasm_graph.scorers.registry import scorer_names

#: Relations of a ring of 40.
STEPS = {"next": 1, "second": 2, "third": 3, "opposite": 20}
CONFIG = LinkConfig(
    dim=64,
    batch_size=64,
    max_epochs=60,
    judge_every=60,
    scale=0.1,
    n3=0.01,
    relation_weight=0.2,
    precision="fp32",
)
NEW = ("n3", "n14", "n27")


class Ring:
    """A ring whose training leaves some entities out; half of their edges are known later, the others are asked for."""

    def __init__(self, scorer: str = "complex") -> None:
        named = [(f"n{n}", name, f"n{(n + step) % 40}") for name, step in STEPS.items() for n in range(40)]
        of_new = [triple for triple in named if {triple[0], triple[2]} & set(NEW)]
        old = [triple for triple in named if triple not in of_new]
        self.support_names, asked = of_new[::2], of_new[1::2]
        self.data = LinkData.from_triples(old, [], [*self.support_names, *asked])
        self.support, self.asked = (self.data.encode(part) for part in (self.support_names, asked))
        self.new = [self.data.numbers[0][name] for name in NEW]
        config = replace(CONFIG, scorer=scorer)
        self.model = LinkTrainer(self.data, config).fit()

    def mrr(self, vectors) -> float:
        known = np.concatenate([self.data.train, self.support])
        return link_metrics_of(filtered_ranks(vectors, self.asked, known)).mrr


@pytest.fixture(scope="module")
def ring() -> Ring:
    return Ring()


def test_new_entities_are_placed_by_their_edges_and_the_rest_stays(ring):
    folded = fold_in(ring.model, ring.data.train, ring.support, n3=0.01, precision="fp32")
    assert ring.mrr(folded) > max(0.3, ring.mrr(ring.model) + 0.15)
    others = np.setdiff1d(np.arange(ring.data.num_entities), ring.new)
    assert torch.equal(folded.entities[others], ring.model.entities.detach()[others])


def test_fitted_vectors_beat_the_mean_of_their_neighbours(ring):
    folded = fold_in(ring.model, ring.data.train, ring.support, n3=0.01, precision="fp32")
    assert ring.mrr(folded) >= ring.mrr(mean_of_neighbours(ring.model, ring.data.train, ring.support))


def test_the_same_seed_gives_the_same_vectors_and_the_model_is_not_touched(ring):
    before = ring.model.entities.detach().clone()
    first, second = (fold_in(ring.model, ring.data.train, ring.support, seed=3) for _ in range(2))
    assert torch.equal(first.entities, second.entities)
    assert torch.equal(ring.model.entities.detach(), before)


def test_an_edge_between_two_new_entities_counts(ring):
    head, tail = ring.new[:2]
    pair = np.array([[head, 0, tail]])
    with_pair = fold_in(ring.model, ring.data.train, np.concatenate([ring.support, pair]), precision="fp32")
    without = fold_in(ring.model, ring.data.train, ring.support, precision="fp32")
    ends = torch.tensor([head]), torch.tensor([0])
    assert with_pair.scores(*ends)[0, tail] > without.scores(*ends)[0, tail]


@pytest.mark.parametrize("scorer", scorer_names())
def test_every_scorer_takes_new_entities_in(scorer):
    ring = Ring(scorer)
    folded = fold_in(ring.model, ring.data.train, ring.support, n3=0.01, precision="fp32")
    own = ring.data.encode(ring.support_names)
    nothing = np.zeros((0, 3), dtype=np.int64)
    of = lambda vectors: link_metrics_of(filtered_ranks(vectors, own, nothing)).mrr  # noqa: E731
    assert of(folded) > of(ring.model)


def test_without_edges_nothing_changes(ring):
    nothing = np.zeros((0, 3), dtype=np.int64)
    folded = fold_in(ring.model, ring.data.train, nothing)
    assert torch.equal(folded.entities, ring.model.entities.detach())


def test_what_is_wrong_is_said(ring):
    with pytest.raises(ShapeError, match="unknown tail 999"):
        fold_in(ring.model, ring.data.train, np.array([[0, 0, 999]]))
    with pytest.raises(GraphError, match="nothing was trained"):
        fold_in(ring.model, np.zeros((0, 3), dtype=np.int64), ring.support)
