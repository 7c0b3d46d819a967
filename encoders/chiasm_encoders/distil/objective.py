"""The losses of one step, by name."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from chiasm_encoders.distil.config import StudentConfig
from chiasm_encoders.distil.losses.graph_labels import graph_label_loss
from chiasm_encoders.distil.losses.text_bank import teacher_distribution, text_bank_loss
from chiasm_encoders.distil.losses.two_views import two_view_loss
from chiasm_encoders.distil.targets import Targets
from chiasm_encoders.nets.heads import PartHeads, Parts

__all__ = ["Objective", "Wanted"]


class Wanted(NamedTuple):
    """What a batch of items shall be recognised as; mixed when its items are."""

    #: `(batch, bank)` and `(batch,)`.
    text: Tensor
    told: Tensor
    #: `(batch, labels)`.
    labels: Tensor

    def mixed(self, other: Tensor, share: float) -> Wanted:
        """This mixed with itself in the order `other`: `share` of one, the rest of the other."""
        return Wanted(*(share * part + (1 - share) * part[other] for part in self))


class Objective(nn.Module):
    """Weighted sum of the losses whose data exist, with each of them by name.

    Args:
        targets: Teaching tensors.
        config: Weights and temperatures.
    """

    bank: Tensor

    def __init__(self, targets: Targets, config: StudentConfig) -> None:
        super().__init__()
        self._config = config
        self.register_buffer("bank", targets.bank, persistent=False)
        self.register_buffer("place", targets.place, persistent=False)
        self.register_buffer("labels", targets.labels, persistent=False)
        self.has_text = len(targets.bank) > 1
        self.has_labels = targets.labels.shape[1] > 1
        taught = self.has_text or self.has_labels
        self.instance_weight = config.instance_weight if taught else max(config.instance_weight, 1.0)

    @property
    def two_views(self) -> bool:
        """Whether a step needs each item twice."""
        return self.instance_weight > 0

    def wanted(self, items: Tensor) -> Wanted:
        """Targets of items `(batch,)`."""
        place = self.get_buffer("place")[items]
        told = (place >= 0).float()
        bank = self.bank
        text = torch.zeros(len(items), len(bank), device=bank.device)
        if self.has_text:
            text = teacher_distribution(bank[place.clamp(min=0)], bank, self._config.teacher_temperature)
        return Wanted(text, told, self.get_buffer("labels")[items])

    def forward(self, parts: Parts, heads: PartHeads, wanted: Wanted) -> dict[str, Tensor]:
        """Losses by name, and their weighted "total"."""
        losses = self.taught(parts, heads, wanted)
        if self.two_views and len(parts.instance) >= 4:
            half = len(parts.instance) // 2
            losses["instance"] = two_view_loss(
                parts.instance[:half], parts.instance[half:], self._config.instance_temperature
            )
            losses["total"] = losses["total"] + self.instance_weight * losses["instance"]
        return losses

    def taught(self, parts: Parts, heads: PartHeads, wanted: Wanted) -> dict[str, Tensor]:
        """Losses by name of what text and graph say alone, and their weighted "total"; 0 where they say nothing."""
        config = self._config
        losses: dict[str, Tensor] = {}
        total = parts.text.new_zeros(())
        if self.has_text:
            losses["text"] = text_bank_loss(
                parts.text, self.bank, wanted.text, wanted.told, config.text_temperature
            )
            total = total + config.text_weight * losses["text"]
        if self.has_labels:
            logits = heads.label_logits(parts.graph, config.graph_temperature)
            losses["graph"] = graph_label_loss(logits, wanted.labels)
            total = total + config.graph_weight * losses["graph"]
        losses["total"] = total
        return losses
