from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from chiasm_graph import Triples
from chiasm_graph.errors import GraphError, LinkRecipeError, ShapeError
from chiasm_graph.link_prediction import LinkData, filtered_ranks, link_metrics_of
from chiasm_graph.link_prediction.losses import contrastive_loss
from chiasm_graph.link_prediction.text import Surroundings, TextConfig, TextTowers, TextTrainer

QUICK = TextConfig(hidden=64, batch_size=64, max_epochs=30, judge_every=10, negatives=16, learning_rate=3e-3)


def pairs(count: int = 300) -> tuple[LinkData, torch.Tensor]:
    """Each of ``count`` things has one twin, whose vector is the thing's with its coordinates turned about."""
    generator = torch.Generator().manual_seed(0)
    things = functional.normalize(torch.randn(count, 8, generator=generator), dim=1)
    triples = [(f"a{n}", "twin", f"b{n}") for n in range(count)]
    data = LinkData.from_triples(triples[60:], triples[:30], triples[30:60])
    vectors = {f"a{n}": things[n] for n in range(count)} | {f"b{n}": things[n].roll(1) for n in range(count)}
    return data, torch.stack([vectors[name] for name in data.entities])


@pytest.mark.parametrize("surroundings", [False, True], ids=["alone", "surroundings"])
def test_towers_find_twins_that_they_have_never_seen(surroundings):
    data, vectors = pairs()
    config = replace(QUICK, surroundings=surroundings)
    trainer = TextTrainer(data, vectors, config)
    known = np.concatenate([data.train, data.valid])
    before = link_metrics_of(filtered_ranks(trainer.towers.ranked(), data.test, known)).mrr
    after = link_metrics_of(filtered_ranks(trainer.fit(), data.test, known)).mrr
    assert before < 0.2 < 0.6 < after


def test_untrained_towers_compare_the_texts():
    data, vectors = pairs()
    towers = TextTowers(3 * vectors, data.graph, TextConfig(temperature=0.1), seed=0)
    found = towers.ranked().scores(torch.tensor([0, 1]), torch.tensor([0, 1]))
    assert torch.allclose(found, 10 * vectors[:2] @ vectors.T, atol=1e-5)


def test_what_is_being_learned_is_not_around():
    graph = Triples([0, 0, 2], [0, 1, 0], [1, 2, 1], num_nodes=4, num_relations=2)
    vectors = torch.eye(4)
    around = Surroundings(vectors, graph, 8)
    rows = np.arange(4)
    assert around(rows).tolist() == [[0, 0.5, 0.5, 0], [0.5, 0, 0.5, 0], [0.5, 0.5, 0, 0], [0, 0, 0, 0]]
    without = np.array([True, False, False])
    assert around(rows, without).tolist() == [[0, 0, 1, 0], [0, 0, 1, 0], [0.5, 0.5, 0, 0], [0, 0, 0, 0]]


def test_of_many_neighbours_some_are_read_none_twice():
    graph = Triples([0] * 9, [0] * 9, list(range(1, 10)), num_nodes=10, num_relations=1)
    around = Surroundings(torch.eye(10), graph, 4)
    for generator in (None, np.random.default_rng(0)):
        assert sorted(around(np.array([0]), None, generator)[0].tolist()) == [0.0] * 6 + [0.25] * 4


def naive(asked, tails, true, selves, scale, margin):
    total = 0.0
    for i in range(len(asked)):
        own = scale * (float(asked[i] @ tails[i]) - margin)
        others = [scale * float(asked[i] @ t) for j, t in enumerate(tails) if j != i and not true[i, j]]
        others += [scale * float(asked[i] @ selves[i])] if selves[i].any() else []
        total -= own - float(torch.logsumexp(torch.tensor([own, *others]), 0))
    return total / len(asked)


def test_the_loss_is_that_of_the_formula():
    generator = torch.Generator().manual_seed(0)
    asked, tails, selves = (
        functional.normalize(torch.randn(n, 5, generator=generator), dim=1) for n in (4, 9, 4)
    )
    true = torch.rand(4, 9, generator=generator) < 0.3
    selves[2] = 0
    found = contrastive_loss(asked, tails, true, selves, torch.tensor(20.0), margin=0.02)
    assert float(found) == pytest.approx(naive(asked, tails, true, selves, 20.0, 0.02), rel=1e-4)


class Stopped(Exception):  # noqa: N818 - no error
    pass


def test_an_interrupted_run_ends_as_if_it_had_not_been(tmp_path):
    data, vectors = pairs()
    config = replace(QUICK, surroundings=True, max_epochs=4, judge_every=2)
    file = tmp_path / "run.safetensors"

    def stop(report):
        if report.epoch == 3:
            raise Stopped

    whole = TextTrainer(data, vectors, config).fit()
    with pytest.raises(Stopped):
        TextTrainer(data, vectors, config, checkpoint=file, progress=stop).fit()
    resumed = TextTrainer(data, vectors, config, checkpoint=file).fit()
    assert torch.equal(whole.tails, resumed.tails)
    with pytest.raises(GraphError, match="other features"):
        TextTrainer(data, vectors + 1, config, checkpoint=file)


def test_wrong_configurations_are_refused():
    for changes, message in (
        ({"hidden": 0}, "must be positive"),
        ({"batch_size": 1}, "at least 2"),
        ({"margin": -1.0}, "must not be negative"),
        ({"dropout": 1.0}, "must lie in"),
        ({"precision": "fp8"}, "precision must be one of"),
        ({"depth": 3}, "unknown key depth"),
    ):
        with pytest.raises(LinkRecipeError, match=message):
            TextConfig.from_mapping(changes)
    data, vectors = pairs()
    with pytest.raises(ShapeError, match="one vector for each"):
        TextTrainer(data, vectors[1:], QUICK)
