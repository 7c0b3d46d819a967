"""Trains a link model on triples alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from chiasm_graph.features import NodeFeatures
from chiasm_graph.link_prediction.batches import query_batches
from chiasm_graph.link_prediction.config import LinkConfig
from chiasm_graph.link_prediction.dataset import LinkData
from chiasm_graph.link_prediction.encoded_model import EncodedLinkModel, build_link_model
from chiasm_graph.link_prediction.epochs import EpochReport, EpochTrainer
from chiasm_graph.link_prediction.model import LinkModel
from chiasm_graph.link_prediction.objective import batch_losses, draws_negatives
from chiasm_graph.link_prediction.precision import product_precision
from chiasm_graph.link_prediction.queries import Queries, both_directions
from chiasm_graph.link_prediction.row_step import RowStep
from chiasm_graph.link_prediction.table_step import TableStep, has_bf16
from chiasm_graph.scorers.scorer import Scorer

__all__ = ["EpochReport", "LinkTrainer"]


class LinkTrainer(EpochTrainer):
    """One training run of a `LinkModel`; see `EpochTrainer` for what it keeps to.

    Args:
        data: Trained on its training split, stopped by its valid split; the test split is not read.
        config: How.
        seed: Of start, order and negatives.
        features: Of the entities, for an encoder.
        checkpoint: File that is written after each judgement and taken up if it exists.
        progress: Told of each epoch.
    """

    def __init__(
        self,
        data: LinkData,
        config: LinkConfig,
        *,
        seed: int = 0,
        features: NodeFeatures | None = None,
        checkpoint: Path | None = None,
        progress: Callable[[EpochReport], None] = lambda report: None,
    ) -> None:
        config.check()
        self.config = config
        self.model = build_link_model(config, data, seed, features)
        super().__init__(
            data,
            config,
            self.model,
            _optimizer(self.model, config),
            seed=seed,
            checkpoint=checkpoint,
            progress=progress,
        )
        self.queries = Queries.group(both_directions(data.train, data.num_relations))
        self._resume()
        self._steps = _entity_steps(self.model, config, self.optimizer)

    def fit(self) -> LinkModel | EncodedLinkModel:
        """Train until the valid split has not improved for ``patience`` judgements; the best weights come back.

        Without a valid split the last weights do.
        """
        self._run()
        return self.model

    def _scorer(self) -> LinkModel | EncodedLinkModel:
        return self.model

    def _epoch(self, order: np.random.Generator, draws: torch.Generator) -> dict[str, float]:
        totals: dict[str, float] = {}
        steps = 0
        whole = self.config.loss == "k-vs-all"
        with product_precision(self.config.precision):
            for batch in query_batches(self.queries, self.config.batch_size, order, whole=whole):
                losses = batch_losses(self.model.encoded(train=True), batch, self.config, draws, self._steps)
                total = torch.stack([*losses.values()]).sum()
                self.optimizer.zero_grad(set_to_none=True)
                total.backward()  # type: ignore[no-untyped-call]
                self.optimizer.step()
                if self._steps is not None:
                    self._steps.step()
                steps += 1
                for name, value in losses.items():
                    totals[name] = totals.get(name, 0.0) + float(value.detach())
        return {name: value / steps for name, value in totals.items()}


def _optimizer(model: torch.nn.Module, config: LinkConfig) -> torch.optim.Optimizer:
    # Fused: one pass over weights, slopes and sums instead of several.
    if config.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)
    return torch.optim.Adagrad(model.parameters(), lr=config.learning_rate, fused=True)


def _entity_steps(
    model: LinkModel | EncodedLinkModel, config: LinkConfig, optimizer: torch.optim.Optimizer
) -> RowStep | None:
    """Adagrad of the entity table by hand where that is cheaper than autograd and the optimiser."""
    if config.optimizer != "adagrad" or isinstance(model, EncodedLinkModel):
        return None
    kept = model.entities, optimizer.state[model.entities]["sum"], config.learning_rate
    if draws_negatives(config, model.num_entities):
        return RowStep(*kept)
    products = type(model.scorer).compare_all is Scorer.compare_all
    if (config.loss, config.precision) == ("one-vs-all", "bf16") and products and has_bf16():
        return TableStep(*kept)
    return None
