"""Training by epochs: judged on the valid split, stopped early, taken up again after a stop."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import nn

from chiasm_graph.errors import GraphError
from chiasm_graph.link_prediction.checkpoint import RunState, load_checkpoint, save_checkpoint
from chiasm_graph.link_prediction.dataset import LinkData
from chiasm_graph.link_prediction.evaluation import LinkMetrics, filtered_ranks, link_metrics_of
from chiasm_graph.link_prediction.tail_scores import TailScores

__all__ = ["EpochReport", "EpochTrainer"]


class EpochReport(NamedTuple):
    """What the progress call-back is told after each epoch."""

    epoch: int
    max_epochs: int
    #: Mean of each loss over the steps, weighted as in the sum.
    losses: dict[str, float]
    #: On the valid split; None between judgements.
    valid: LinkMetrics | None
    seconds: float


class _Limits(Protocol):
    @property
    def max_epochs(self) -> int: ...
    @property
    def max_minutes(self) -> float: ...
    @property
    def judge_every(self) -> int: ...
    @property
    def patience(self) -> int: ...


class EpochTrainer(ABC):
    """One training run: deterministic for data, configuration, seed and number of threads.

    Args:
        data: Trained on its training split, stopped by its valid split; the test split is not read.
        config: A dataclass; how long, and how often the valid split is asked.
        model: What is trained.
        optimizer: Of the model's parameters.
        seed: Of all that is drawn.
        checkpoint: File that is written after each judgement and taken up if it exists.
        progress: Told of each epoch.
    """

    def __init__(
        self,
        data: LinkData,
        config: _Limits,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        seed: int,
        checkpoint: Path | None,
        progress: Callable[[EpochReport], None],
    ) -> None:
        if not len(data.train):
            raise GraphError("no training triples", where=type(self).__name__)
        self.data, self.seed = data, seed
        self._limits, self._model, self.optimizer = config, model, optimizer
        self.checkpoint, self.progress = checkpoint, progress
        self.state = RunState()

    @abstractmethod
    def _epoch(self, order: np.random.Generator, draws: torch.Generator) -> dict[str, float]:
        """Train on every triple once; the mean of each loss comes back."""

    @abstractmethod
    def _scorer(self) -> TailScores:
        """What is judged on the valid split."""

    def _resume(self) -> None:
        """Take the checkpoint up, if there is one: last in a subclass's constructor."""
        if self.checkpoint is not None and self.checkpoint.exists():
            self.state = load_checkpoint(self.checkpoint, self._model, self.optimizer, self._stamp())

    def _run(self) -> None:
        """Train until the valid split has not improved for ``patience`` judgements; the best weights are put back.

        Without a valid split the last weights stay.
        """
        limits = self._limits
        while not self._ended():
            began, worked = time.perf_counter(), time.process_time()
            losses = self._drawn_epoch()
            self.state.epoch += 1
            due = self.state.epoch % limits.judge_every == 0 or self.state.epoch == limits.max_epochs
            valid = self._judge() if due and len(self.data.valid) else None
            self.state.seconds += time.perf_counter() - began
            self.state.processor_seconds += time.process_time() - worked
            if due and self.checkpoint is not None:
                save_checkpoint(self.checkpoint, self._model, self.optimizer, self.state, self._stamp())
            self.progress(EpochReport(self.state.epoch, limits.max_epochs, losses, valid, self.state.seconds))
        if self.state.best:
            self._model.load_state_dict(self.state.best)

    def _stamp(self) -> dict[str, Any]:
        return {"config": asdict(self._limits), "seed": self.seed, "data": self.data.fingerprint}  # type: ignore[call-overload]

    def _ended(self) -> bool:
        # Time is looked at where a judgement has just been made: the best weights are then known.
        judged = self.state.epoch % self._limits.judge_every == 0
        late = 0 < 60 * self._limits.max_minutes <= self.state.seconds
        return (
            self.state.epoch >= self._limits.max_epochs
            or self.state.stale >= self._limits.patience
            or (judged and late)
        )

    def _drawn_epoch(self) -> dict[str, float]:
        seed = [self.seed, self.state.epoch]
        draws = torch.Generator().manual_seed(int(np.random.default_rng([*seed, 1]).integers(2**62)))
        with torch.random.fork_rng(devices=[]):
            # Dropout takes no generator of its own.
            torch.manual_seed(draws.initial_seed())
            losses = self._epoch(np.random.default_rng(seed), draws)
        if not all(map(np.isfinite, losses.values())):
            raise GraphError(
                f"losses are not finite in epoch {self.state.epoch + 1}",
                where=type(self).__name__,
                remedy="lower learning_rate or scale",
            )
        return losses

    def _judge(self) -> LinkMetrics:
        known = np.concatenate([self.data.train, self.data.valid])
        metrics = link_metrics_of(filtered_ranks(self._scorer(), self.data.valid, known))
        if metrics.mrr > self.state.best_mrr:
            self.state.best_mrr, self.state.best_epoch, self.state.stale = metrics.mrr, self.state.epoch, 0
            self.state.best = {name: t.detach().clone() for name, t in self._model.state_dict().items()}
        else:
            self.state.stale += 1
        return metrics
