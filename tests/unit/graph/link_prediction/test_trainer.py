from dataclasses import replace

import numpy as np
import pytest
import torch

from chiasm_graph.errors import GraphError
from chiasm_graph.link_prediction import LinkConfig, LinkData, LinkTrainer, filtered_ranks, link_metrics_of

#: Relations of a ring of 24: next, two further, and opposite. All of them follow from some of them.
STEPS = {"next": 1, "second": 2, "opposite": 12}


def ring() -> LinkData:
    triples = [(f"n{n}", name, f"n{(n + step) % 24}") for name, step in STEPS.items() for n in range(24)]
    order = np.random.default_rng(0).permutation(len(triples))
    picked = [triples[at] for at in order]
    return LinkData.from_triples(picked[16:], picked[:8], picked[8:16])


QUICK = LinkConfig(
    dim=32, batch_size=64, max_epochs=6, judge_every=2, scale=0.1, n3=1e-3, relation_weight=0.5
)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"label_smoothing": 0.1, "dropout": 0.2},
        {"loss": "k-vs-all", "label_smoothing": 0.1, "optimizer": "adam", "learning_rate": 0.05},
        {"loss": "self-adversarial", "negatives": 8, "margin": 3.0},
        {"negatives": 12},
    ],
    ids=["one-vs-all", "smoothed", "k-vs-all", "self-adversarial", "sampled"],
)
@pytest.mark.parametrize("scorer", ["complex", "distmult", "rotate", "transe", "tucker"])
def test_every_loss_teaches_every_scorer(scorer, changes):
    data = ring()
    config = replace(QUICK, scorer=scorer, max_epochs=40, judge_every=40, **changes)
    losses = []
    trainer = LinkTrainer(data, config, progress=lambda report: losses.append(sum(report.losses.values())))
    nothing = np.zeros((0, 3), dtype=np.int64)
    before = link_metrics_of(filtered_ranks(trainer.model, data.train, nothing)).mrr
    model = trainer.fit()
    assert losses[-1] < losses[0]
    assert link_metrics_of(filtered_ranks(model, data.train, nothing)).mrr > before


def test_the_structure_of_a_ring_is_learned():
    data = ring()
    config = replace(QUICK, max_epochs=60, judge_every=10, n3=0.02)
    model = LinkTrainer(data, config, seed=1).fit()
    known = np.concatenate([data.train, data.valid])
    assert link_metrics_of(filtered_ranks(model, data.test, known)).mrr > 0.5


def weights(trainer: LinkTrainer) -> list[bytes]:
    return [value.numpy().tobytes() for value in trainer.model.state_dict().values()]


def test_a_seed_decides_everything():
    config = replace(QUICK, dropout=0.1, negatives=6)
    runs = []
    for seed in (3, 3, 4):
        trainer = LinkTrainer(ring(), config, seed=seed)
        torch.manual_seed(np.random.default_rng().integers(1000))
        trainer.fit()
        runs.append(weights(trainer))
    assert runs[0] == runs[1] != runs[2]


def test_training_leaves_the_callers_randomness_alone():
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    LinkTrainer(ring(), replace(QUICK, max_epochs=1, dropout=0.1)).fit()
    assert torch.equal(torch.rand(3), wanted)


class Stopped(Exception):  # noqa: N818 - no error
    pass


@pytest.mark.parametrize("optimizer", ["adagrad", "adam"])
def test_an_interrupted_run_ends_as_if_it_had_not_been(tmp_path, optimizer):
    config = replace(QUICK, optimizer=optimizer, learning_rate=0.05, dropout=0.1)
    whole = LinkTrainer(ring(), config, seed=2)
    whole.fit()

    def stop(report):
        if report.epoch == 3:
            raise Stopped

    file = tmp_path / "run.safetensors"
    with pytest.raises(Stopped):
        LinkTrainer(ring(), config, seed=2, checkpoint=file, progress=stop).fit()
    epochs = []
    resumed = LinkTrainer(
        ring(), config, seed=2, checkpoint=file, progress=lambda report: epochs.append(report.epoch)
    )
    resumed.fit()
    assert epochs == [3, 4, 5, 6]
    assert weights(resumed) == weights(whole)
    assert [path.name for path in tmp_path.iterdir()] == ["run.safetensors"]


def test_checkpoints_of_others_and_damaged_ones_are_refused(tmp_path):
    file = tmp_path / "run.safetensors"
    LinkTrainer(ring(), QUICK, checkpoint=file).fit()
    other = LinkData.from_triples([("a", "r", "b")])
    for data, config, seed, message in (
        (ring(), replace(QUICK, n3=0.5), 0, "other config"),
        (ring(), QUICK, 1, "other seed"),
        (other, QUICK, 0, "other data"),
    ):
        with pytest.raises(GraphError, match=message):
            LinkTrainer(data, config, seed=seed, checkpoint=file)
    whole = file.read_bytes()
    file.write_bytes(whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:])
    with pytest.raises(GraphError, match="damaged"):
        LinkTrainer(ring(), QUICK, checkpoint=file)
    file.write_bytes(whole[:-100])
    with pytest.raises(GraphError, match="no readable checkpoint"):
        LinkTrainer(ring(), QUICK, checkpoint=file)


def test_training_stops_early_and_returns_the_best():
    config = replace(QUICK, max_epochs=500, judge_every=1, patience=3, learning_rate=0.5)
    reports = []
    trainer = LinkTrainer(ring(), config, progress=reports.append)
    model = trainer.fit()
    data = trainer.data
    known = np.concatenate([data.train, data.valid])
    valid = [report.valid.mrr for report in reports]
    assert len(valid) < 500
    assert len(valid) == int(np.argmax(valid)) + 1 + 3
    assert link_metrics_of(filtered_ranks(model, data.valid, known)).mrr == pytest.approx(max(valid))


def test_a_time_limit_ends_at_a_judgement():
    config = replace(QUICK, max_epochs=500, judge_every=2, max_minutes=1e-9)
    reports = []
    LinkTrainer(ring(), config, progress=reports.append).fit()
    assert [report.epoch for report in reports] == [1, 2] and reports[-1].valid is not None


def test_what_cannot_be_trained_is_refused():
    nobody = LinkData.from_triples([], [("a", "r", "b")])
    with pytest.raises(GraphError, match="no training triples"):
        LinkTrainer(nobody, QUICK)
    with pytest.raises(GraphError, match=r"not finite.*epoch 1.*lower learning_rate"):
        LinkTrainer(ring(), replace(QUICK, learning_rate=1e30)).fit()
