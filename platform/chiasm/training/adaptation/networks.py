"""A network with one hidden layer whose hidden features look alike in both domains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from chiasm.fusion.losses import Adversarial, coral, mmd
from chiasm.fusion.schedules import scheduled

__all__ = ["AlignedNetwork", "Alignment"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Alignment:
    """Training of an `AlignedNetwork`: ``L_source + strength * L_domains``."""

    #: What brings the domains together; "none" is training on the source alone
    loss: Literal["adversarial", "coral", "mmd", "none"] = "adversarial"
    #: Full weight of it, ``lambda``; it comes in as Ganin 2016 says
    strength: float = 0.3
    hidden: int = 64
    epochs: int = 12
    batch: int = 100
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    dropout: float = 0.3

    def fit(
        self, rows: Floats, labels: Ints, target: Floats, classes: int, *, seed: int = 0
    ) -> AlignedNetwork:
        """Fit on labelled source rows and unlabelled target rows."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = AlignedNetwork(rows.shape[1], self.hidden, classes, self.dropout)
            judge = Adversarial(
                nn.Sequential(nn.Linear(self.hidden, self.hidden), nn.ReLU(), nn.Linear(self.hidden, 2))
            )
            self._run(network, judge, _tensor(rows), torch.from_numpy(labels), _tensor(target))
        return network.eval()

    def _run(
        self, network: AlignedNetwork, judge: Adversarial, source: Tensor, labels: Tensor, target: Tensor
    ) -> None:
        parameters = [*network.parameters(), *judge.parameters()]
        optimiser = torch.optim.AdamW(
            parameters, lr=self.learning_rate, weight_decay=self.weight_decay, foreach=True
        )
        per_epoch = max(1, -(-len(source) // self.batch))
        for step in range(per_epoch * self.epochs):
            done = step / (per_epoch * self.epochs)
            mine = torch.randint(len(source), (self.batch,))
            theirs = torch.randint(len(target), (self.batch,))
            hidden = network.hidden(torch.cat([source[mine], target[theirs]]))
            ours, others = hidden[: self.batch], hidden[self.batch :]
            loss = functional.cross_entropy(network.classify(ours), labels[mine])
            loss = loss + self._domains(judge, ours, others, scheduled("ganin", self.strength, done))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()

    def _domains(self, judge: Adversarial, ours: Tensor, others: Tensor, strength: float) -> Tensor:
        if self.loss == "adversarial":
            domains = torch.arange(2).repeat_interleave(torch.tensor([len(ours), len(others)]))
            # The strength turns the gradient; the classifier itself learns at full rate.
            loss: Tensor = judge(torch.cat([ours, others]), domains, strength)
            return loss
        if self.loss == "none":
            return ours.sum() * 0.0
        return strength * (coral if self.loss == "coral" else mmd)(ours, others)


class AlignedNetwork(nn.Module):
    """Rows to hidden features to classes.

    Args:
        features: Width of the rows.
        width: Of the hidden layer.
        classes: How many there are.
        dropout: On the hidden layer.
    """

    def __init__(self, features: int, width: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.enter = nn.Linear(features, width)
        self.leave = nn.Linear(width, classes)
        self.drop = nn.Dropout(dropout)

    def hidden(self, rows: Tensor) -> Tensor:
        """``(n, features)`` to ``(n, width)``, of unit length times the root of 2."""
        return functional.normalize(torch.relu(self.enter(rows)), dim=-1, eps=1e-6) * 2**0.5

    def classify(self, hidden: Tensor) -> Tensor:
        """Logits, ``(n, classes)``; sharp enough for features of short length."""
        logits: Tensor = 5.0 * self.leave(self.drop(hidden))
        return logits

    @torch.inference_mode()
    def scores(self, rows: Floats) -> Floats:
        """Logarithms of the chances, ``(n, classes)``."""
        return functional.log_softmax(self.classify(self.hidden(_tensor(rows))), dim=1).numpy()


def _tensor(rows: Floats) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32))
