"""Steps by hand against the composed ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from chiasm_graph.link_prediction import LinkConfig, LinkData, LinkTrainer
from chiasm_graph.link_prediction import trainer as trainer_module
from chiasm_graph.link_prediction.row_step import RowStep
from chiasm_graph.link_prediction.table_step import TableStep

CONFIG = LinkConfig(
    dim=16,
    batch_size=64,
    max_epochs=2,
    scale=0.3,
    n3=1e-3,
    relation_weight=0.5,
    learning_rate=0.05,
    dropout=0.1,
)


def data() -> LinkData:
    drawn = np.random.default_rng(0).integers(0, (50, 3, 50), size=(300, 3))
    return LinkData.from_triples([(f"e{h}", f"r{r}", f"e{t}") for h, r, t in drawn.tolist()])


def trained(config: LinkConfig, *, by_hand: bool) -> tuple[LinkTrainer, dict[str, torch.Tensor]]:
    trainer = LinkTrainer(data(), config)
    if not by_hand:
        trainer._steps = None
    trainer.fit()
    return trainer, trainer.model.state_dict()


@pytest.mark.parametrize("scorer", ["complex", "distmult", "rotate", "transe"])
@pytest.mark.parametrize(
    "changes",
    [{"negatives": 20}, {"loss": "self-adversarial", "negatives": 4}],
    ids=["sampled", "self-adversarial"],
)
def test_rows_alone_are_the_dense_step(scorer, changes):
    config = replace(CONFIG, scorer=scorer, precision="fp32", **changes)
    trainer, weights = trained(config, by_hand=True)
    assert type(trainer._steps) is RowStep
    _, wanted = trained(config, by_hand=False)
    for name, value in wanted.items():
        assert torch.allclose(weights[name], value, atol=1e-4), name


@pytest.mark.parametrize("scorer", ["complex", "distmult", "tucker"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_table_in_bfloat16_stays_near_single_precision(scorer, smoothing, monkeypatch):
    # Processors without such products compute them too, only not quicker.
    monkeypatch.setattr(trainer_module, "has_bf16", lambda: True)
    config = replace(CONFIG, scorer=scorer, label_smoothing=smoothing, max_epochs=1)
    trainer, weights = trained(config, by_hand=True)
    assert type(trainer._steps) is TableStep
    start = LinkTrainer(data(), config).model.state_dict()
    _, wanted = trained(replace(config, precision="fp32"), by_hand=False)
    for name, value in wanted.items():
        moved = (value - start[name]).norm()
        assert (weights[name] - value).norm() < 0.05 * moved, name


def test_numbers_in_single_precision_are_composed():
    assert LinkTrainer(data(), replace(CONFIG, precision="fp32"))._steps is None
    assert LinkTrainer(data(), replace(CONFIG, optimizer="adam"))._steps is None
    assert LinkTrainer(data(), replace(CONFIG, scorer="rotate"))._steps is None
    # As many as there are stand for all.
    assert not isinstance(
        LinkTrainer(data(), replace(CONFIG, negatives=50, precision="fp32"))._steps, RowStep
    )
