"""Trains a link model on triples alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from chiasm_graph.errors import GraphError
from chiasm_graph.features import NodeFeatures
from chiasm_graph.link_prediction.batches import query_batches
from chiasm_graph.link_prediction.checkpoint import RunState, load_checkpoint, save_checkpoint
from chiasm_graph.link_prediction.config import LinkConfig
from chiasm_graph.link_prediction.dataset import LinkData
from chiasm_graph.link_prediction.encoded_model import EncodedLinkModel, build_link_model
from chiasm_graph.link_prediction.evaluation import LinkMetrics, filtered_ranks, link_metrics_of
from chiasm_graph.link_prediction.model import LinkModel
from chiasm_graph.link_prediction.objective import batch_losses
from chiasm_graph.link_prediction.queries import Queries, both_directions

__all__ = ["EpochReport", "LinkTrainer"]


class EpochReport(NamedTuple):
    """What the progress call-back is told after each epoch."""

    epoch: int
    max_epochs: int
    #: Mean of each loss over the steps, weighted as in the sum.
    losses: dict[str, float]
    #: On the valid split; None between judgements.
    valid: LinkMetrics | None
    seconds: float


class LinkTrainer:
    """One training run: deterministic for data, configuration, seed and number of threads.

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
        if not len(data.train):
            raise GraphError("no training triples", where="LinkTrainer")
        self.data, self.config, self.seed = data, config, seed
        self.checkpoint, self.progress = checkpoint, progress
        self.model = build_link_model(config, data, seed, features)
        self.optimizer = _optimizer(self.model, config)
        self.queries = Queries.group(both_directions(data.train, data.num_relations))
        self.state = RunState()
        if checkpoint is not None and checkpoint.exists():
            self.state = load_checkpoint(checkpoint, self.model, self.optimizer, self._stamp())

    def fit(self) -> LinkModel | EncodedLinkModel:
        """Train until the valid split has not improved for ``patience`` judgements; the best weights come back.

        Without a valid split the last weights do.
        """
        while not self._ended():
            began = time.perf_counter()
            losses = self._epoch()
            self.state.epoch += 1
            due = (
                self.state.epoch % self.config.judge_every == 0 or self.state.epoch == self.config.max_epochs
            )
            valid = self._judge() if due and len(self.data.valid) else None
            self.state.seconds += time.perf_counter() - began
            if due and self.checkpoint is not None:
                save_checkpoint(self.checkpoint, self.model, self.optimizer, self.state, self._stamp())
            self.progress(
                EpochReport(self.state.epoch, self.config.max_epochs, losses, valid, self.state.seconds)
            )
        if self.state.best:
            self.model.load_state_dict(self.state.best)
        return self.model

    def _stamp(self) -> dict[str, Any]:
        return {"config": asdict(self.config), "seed": self.seed, "data": self.data.fingerprint}

    def _ended(self) -> bool:
        # Time is looked at where a judgement has just been made: the best weights are then known.
        judged = self.state.epoch % self.config.judge_every == 0
        late = 0 < 60 * self.config.max_minutes <= self.state.seconds
        return (
            self.state.epoch >= self.config.max_epochs
            or self.state.stale >= self.config.patience
            or (judged and late)
        )

    def _epoch(self) -> dict[str, float]:
        seed = [self.seed, self.state.epoch]
        order = np.random.default_rng(seed)
        draws = torch.Generator().manual_seed(int(np.random.default_rng([*seed, 1]).integers(2**62)))
        totals: dict[str, float] = {}
        steps = 0
        whole = self.config.loss == "k-vs-all"
        with torch.random.fork_rng(devices=[]):
            # Dropout takes no generator of its own.
            torch.manual_seed(draws.initial_seed())
            for batch in query_batches(self.queries, self.config.batch_size, order, whole=whole):
                losses = batch_losses(self.model.encoded(train=True), batch, self.config, draws)
                total = torch.stack([*losses.values()]).sum()
                self.optimizer.zero_grad(set_to_none=True)
                total.backward()  # type: ignore[no-untyped-call]
                self.optimizer.step()
                steps += 1
                for name, value in losses.items():
                    totals[name] = totals.get(name, 0.0) + float(value.detach())
        if not all(map(np.isfinite, totals.values())):
            raise GraphError(
                f"losses are not finite in epoch {self.state.epoch + 1}",
                where="LinkTrainer",
                remedy="lower learning_rate or scale",
            )
        return {name: value / steps for name, value in totals.items()}

    def _judge(self) -> LinkMetrics:
        known = np.concatenate([self.data.train, self.data.valid])
        metrics = link_metrics_of(filtered_ranks(self.model, self.data.valid, known))
        if metrics.mrr > self.state.best_mrr:
            self.state.best_mrr, self.state.best_epoch, self.state.stale = metrics.mrr, self.state.epoch, 0
            self.state.best = {name: t.detach().clone() for name, t in self.model.state_dict().items()}
        else:
            self.state.stale += 1
        return metrics


def _optimizer(model: torch.nn.Module, config: LinkConfig) -> torch.optim.Optimizer:
    if config.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    return torch.optim.Adagrad(model.parameters(), lr=config.learning_rate)
