"""How text towers are trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chiasm_graph.link_prediction.checked_config import checked_config, refuse_unless
from chiasm_graph.link_prediction.precision import PRECISIONS

__all__ = ["TextConfig"]


@dataclass(frozen=True)
class TextConfig:
    """All that decides a training run beside the data, the vectors and the seed."""

    #: Whether an entity is also known by its neighbours' texts ("fused"), or by its own text alone.
    surroundings: bool = False
    #: Neighbours of an entity that are read at most.
    neighbours: int = 32
    #: Width of the towers' hidden layer.
    hidden: int = 1024
    #: Share of the hidden layer dropped in a step.
    dropout: float = 0.1
    #: What the true tail's cosine is lowered by.
    margin: float = 0.02
    #: Of the softmax at the start; learned.
    temperature: float = 0.05
    #: Batches before this one whose tails are negatives too.
    pre_batches: int = 2
    #: Entities drawn evenly from all as negatives that a batch shares.
    negatives: int = 0
    #: Triples a step, both directions counted.
    batch_size: int = 1024
    #: At the start; falls to a tenth along a line over ``max_epochs``.
    learning_rate: float = 1e-3
    #: Of AdamW.
    weight_decay: float = 1e-4
    #: As in `LinkConfig`.
    precision: str = "bf16"
    max_epochs: int = 20
    #: As in `LinkConfig`.
    max_minutes: float = 0.0
    #: Epochs between two judgements on the valid split.
    judge_every: int = 2
    #: Judgements without a better MRR before training ends.
    patience: int = 3

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], *, where: str = "config") -> TextConfig:
        """A checked configuration.

        Raises:
            LinkRecipeError: An unknown key, or a value of the wrong kind or out of range.
        """
        return checked_config(cls, values, where)

    def check(self, where: str = "config") -> None:
        """Refuse values that no training could run with.

        Raises:
            LinkRecipeError: Says which and why.
        """
        positive = (
            self.neighbours,
            self.hidden,
            self.temperature,
            self.learning_rate,
            self.max_epochs,
            self.judge_every,
            self.patience,
        )
        rules = {
            "neighbours, hidden, temperature, learning_rate, max_epochs, judge_every and patience must be positive": min(
                positive
            )
            > 0,
            "batch_size must be at least 2: other triples of a batch are the negatives": self.batch_size >= 2,
            "margin, pre_batches, negatives, weight_decay and max_minutes must not be negative": min(
                self.margin, self.pre_batches, self.negatives, self.weight_decay, self.max_minutes
            )
            >= 0,
            "dropout must lie in [0, 1)": 0 <= self.dropout < 1,
            f"precision must be one of {', '.join(PRECISIONS)}": self.precision in PRECISIONS,
        }
        refuse_unless(rules, where)
