"""How a link model is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chiasm_graph.link_prediction.checked_config import checked_config, refuse_unless
from chiasm_graph.link_prediction.precision import PRECISIONS
from chiasm_graph.relational.registry import conv_names
from chiasm_graph.scorers.registry import scorer_names

__all__ = ["LOSSES", "LinkConfig"]

LOSSES = ("k-vs-all", "one-vs-all", "self-adversarial")


@dataclass(frozen=True)
class LinkConfig:
    """All that decides a training run beside the data and the seed."""

    #: One of `chiasm_graph.scorers.scorer_names`.
    scorer: str = "complex"
    #: Width of the entity vectors; ComplEx's rank is half of it.
    dim: int = 256
    #: One of `LOSSES`.
    loss: str = "one-vs-all"
    #: Share of the target that all entities get alike; not for self-adversarial negatives.
    label_smoothing: float = 0.0
    #: Weight of the nuclear 3-norm.
    n3: float = 0.0
    #: Weight of relation prediction.
    relation_weight: float = 0.0
    #: Share of the heads' coordinates hidden in a step.
    dropout: float = 0.0
    #: "adagrad" or "adam".
    optimizer: str = "adagrad"
    learning_rate: float = 0.1
    #: "none", or an operator of `chiasm_graph.relational.conv_names` that makes the entity vectors.
    encoder: str = "none"
    #: Of the encoder, as the next ones.
    layers: int = 2
    bases: int = 8
    heads: int = 4
    encoder_dropout: float = 0.0
    edge_dropout: float = 0.0
    #: Neighbours sampled of a node in each layer; 0 for the whole graph at once.
    fanout: int = 0
    #: Triples a step, both directions counted.
    batch_size: int = 1000
    #: Of products in training, and of the encoder's messages: "bf16" where the processor has it, or "fp32"; ranks are
    #: always of fp32.
    precision: str = "bf16"
    #: Standard deviation of the start.
    scale: float = 1e-3
    #: Tails drawn a triple for self-adversarial negatives; for one-vs-all, entities that a batch shares as
    #: negatives, 0 for all.
    negatives: int = 0
    #: Of self-adversarial negatives.
    margin: float = 9.0
    #: Of self-adversarial negatives.
    temperature: float = 1.0
    max_epochs: int = 100
    #: Training ends at the first judgement after so many minutes; 0 for no limit.
    max_minutes: float = 0.0
    #: Epochs between two judgements on the valid split.
    judge_every: int = 5
    #: Judgements without a better MRR before training ends.
    patience: int = 5

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], *, where: str = "config") -> LinkConfig:
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
        rules = {
            f"scorer must be one of {', '.join(scorer_names())}": self.scorer in scorer_names(),
            f"encoder must be none or one of {', '.join(conv_names())}": self.encoder
            in ("none", *conv_names()),
            "layers, bases and heads must be positive": min(self.layers, self.bases, self.heads) > 0,
            "heads must divide dim": self.encoder == "none" or self.dim % self.heads == 0,
            "fanout must not be negative, and needs negatives: all entities at once are too many": self.fanout
            == 0
            or (self.fanout > 0 and self.negatives > 0),
            "encoder_dropout and edge_dropout must lie in [0, 1)": 0 <= self.encoder_dropout < 1
            and 0 <= self.edge_dropout < 1,
            f"loss must be one of {', '.join(LOSSES)}": self.loss in LOSSES,
            f"precision must be one of {', '.join(PRECISIONS)}": self.precision in PRECISIONS,
            "optimizer must be adagrad or adam": self.optimizer in ("adagrad", "adam"),
            "dim, batch_size, judge_every and patience must be positive": min(
                self.dim, self.batch_size, self.judge_every, self.patience
            )
            > 0,
            "dim must be even for complex and rotate": self.dim % 2 == 0
            or self.scorer not in ("complex", "rotate"),
            "learning_rate and scale must be positive": min(self.learning_rate, self.scale) > 0,
            "n3, relation_weight, max_epochs, max_minutes, negatives and temperature must not be negative": min(
                self.n3,
                self.relation_weight,
                self.max_epochs,
                self.max_minutes,
                self.negatives,
                self.temperature,
            )
            >= 0,
            "label_smoothing and dropout must lie in [0, 1)": 0 <= self.label_smoothing < 1
            and 0 <= self.dropout < 1,
            "self-adversarial needs negatives": self.loss != "self-adversarial" or self.negatives > 0,
            "k-vs-all has no negatives: 0": self.loss != "k-vs-all" or self.negatives == 0,
            "label_smoothing needs all entities: negatives of 0": self.label_smoothing == 0
            or self.negatives == 0,
        }
        refuse_unless(rules, where)
