"""Graph networks in front of scorers: they learn, go on where they stopped, and say what they cannot do."""

from dataclasses import replace

import numpy as np
import pytest

from chiasm_graph.errors import GraphError, LinkRecipeError, UnknownNameError
from chiasm_graph.features import NodeFeatures
from chiasm_graph.link_prediction import LinkConfig, LinkData, LinkTrainer, filtered_ranks, link_metrics_of

#: Relations of a ring of 24: next, two further, and opposite. All of them follow from some of them.
STEPS = {"next": 1, "second": 2, "opposite": 12}


def ring() -> LinkData:
    triples = [(f"n{n}", name, f"n{(n + step) % 24}") for name, step in STEPS.items() for n in range(24)]
    # A loop and a pair that points both ways are edges like others.
    triples += [("n0", "self", "n0"), ("n1", "self", "n2"), ("n2", "self", "n1")]
    order = np.random.default_rng(0).permutation(len(triples))
    picked = [triples[at] for at in order]
    return LinkData.from_triples(picked[16:], picked[:8], picked[8:16])


QUICK = LinkConfig(
    dim=16,
    batch_size=64,
    max_epochs=4,
    judge_every=2,
    scale=0.1,
    optimizer="adam",
    learning_rate=0.02,
    layers=2,
    bases=2,
    heads=2,
)
ENCODERS = ("compgcn", "hgt", "rgat", "rgcn")
NOTHING = np.zeros((0, 3), dtype=np.int64)


def mrr(model, triples) -> float:
    return link_metrics_of(filtered_ranks(model, triples, NOTHING)).mrr


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize(
    "changes",
    [
        {"encoder_dropout": 0.1, "edge_dropout": 0.2},
        {"fanout": 4, "negatives": 12},
        {"precision": "bf16", "scorer": "distmult"},
    ],
    ids=["whole", "sampled", "bf16"],
)
def test_every_encoder_learns(encoder, changes):
    data = ring()
    trainer = LinkTrainer(data, replace(QUICK, encoder=encoder, max_epochs=30, judge_every=30, **changes))
    before = mrr(trainer.model, data.train)
    assert mrr(trainer.fit(), data.train) > max(0.25, before + 0.1)


def weights(trainer) -> list[bytes]:
    return [value.numpy().tobytes() for value in trainer.model.state_dict().values()]


class Stopped(Exception):  # noqa: N818 - no error
    pass


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("fanout", [0, 3])
def test_an_interrupted_run_ends_as_if_it_had_not_been(tmp_path, encoder, fanout):
    config = replace(QUICK, encoder=encoder, fanout=fanout, negatives=8 if fanout else 0, encoder_dropout=0.2)
    whole = LinkTrainer(ring(), config, seed=2)
    whole.fit()

    def stop(report):
        if report.epoch == 3:
            raise Stopped

    file = tmp_path / "run.safetensors"
    with pytest.raises(Stopped):
        LinkTrainer(ring(), config, seed=2, checkpoint=file, progress=stop).fit()
    resumed = LinkTrainer(ring(), config, seed=2, checkpoint=file)
    assert resumed.state.epoch == 2
    resumed.fit()
    assert weights(resumed) == weights(whole)


def test_features_stand_in_for_learned_rows():
    data = ring()
    known = np.arange(data.num_entities) % 2 == 0
    values = np.random.default_rng(1).normal(size=(data.num_entities, 12)).astype(np.float32)
    features = NodeFeatures({"text": values}, {"text": known})
    trainer = LinkTrainer(
        data, replace(QUICK, encoder="compgcn", max_epochs=30, judge_every=30), features=features
    )
    assert trainer.model.encoder.inputs.table.shape == (12, 16)
    before = mrr(trainer.model, data.train)
    assert mrr(trainer.fit(), data.train) > before + 0.1
    with pytest.raises(GraphError, match="features need an encoder"):
        LinkTrainer(data, QUICK, features=features)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"encoder": "gcn"}, "encoder must be none or one of compgcn, hgt, rgat, rgcn"),
        ({"encoder": "hgt", "heads": 3}, "heads must divide dim"),
        ({"encoder": "rgcn", "fanout": 4}, "needs negatives"),
        ({"precision": "fp8"}, "precision must be one of bf16, fp32"),
        ({"encoder": "rgcn", "layers": 0}, "must be positive"),
    ],
)
def test_impossible_configurations_are_refused(values, message):
    with pytest.raises(LinkRecipeError, match=message):
        LinkConfig.from_mapping(values)


def test_an_unknown_relation_is_refused_when_it_is_asked_for():
    data = ring()
    with pytest.raises(UnknownNameError, match="beside: unknown relation"):
        data.encode([("n0", "beside", "n1")])
    model = LinkTrainer(data, replace(QUICK, encoder="rgcn")).model
    with pytest.raises(GraphError, match="unknown relation 4"):
        filtered_ranks(model, np.array([[0, 4, 1]]), NOTHING)
