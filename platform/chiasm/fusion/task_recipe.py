"""The part of a recipe that says which tasks there are and how they are mixed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from chiasm.fusion.schedules import SCHEDULES

__all__ = [
    "BALANCES",
    "DOMAIN_LOSSES",
    "ConsistencyConfig",
    "DomainConfig",
    "HardConfig",
    "LabelsConfig",
    "MixingConfig",
    "TasksConfig",
    "task_rules",
]

#: How gradients of tasks are balanced beyond their weights.
BALANCES = ("none", "uncertainty")
#: What brings domains together.
DOMAIN_LOSSES = ("adversarial", "coral", "mmd")


@dataclass(frozen=True)
class TasksConfig:
    """Weight of each task in the loss; 0 switches it off."""

    views: float = 1.0
    words: float = 1.0
    graph: float = 0.2
    masked: float = 0.1
    #: Attributes and relations as supervised targets.
    labels: float = 0.0
    #: The views again, against their hardest negatives alone.
    hard: float = 0.0
    #: Domains are to look alike.
    domain: float = 0.0
    #: An entity read twice, under noise, must stay where it is.
    consistency: float = 0.0


@dataclass(frozen=True)
class MixingConfig:
    """How the weights change, and what is done about tasks of different loudness."""

    #: Task, or ``modality_dropout``, to the name of a schedule; what is not named is constant.
    schedules: Mapping[str, str] = field(default_factory=dict)
    #: ``uncertainty`` learns a factor for each task (Kendall 2018); ``none`` takes the weights as they are.
    balance: str = "none"


@dataclass(frozen=True)
class LabelsConfig:
    """Supervised targets."""

    #: Names of attributes or relations; none are all attributes that name classes.
    targets: tuple[str, ...] = ()


@dataclass(frozen=True)
class HardConfig:
    """Mining of hard negatives."""

    #: Hardest wrong columns a query is judged against.
    negatives: int = 16
    #: The very hardest are often matches that nobody noted; so many are left out.
    skip: int = 1
    #: Entities of past steps that are kept as further negatives.
    memory: int = 0


@dataclass(frozen=True)
class DomainConfig:
    """What brings domains together."""

    loss: str = "adversarial"


@dataclass(frozen=True)
class ConsistencyConfig:
    """An entity read twice."""

    #: Noise added to its features, as a share of their length.
    noise: float = 0.1


def task_rules(
    tasks: TasksConfig,
    mixing: MixingConfig,
    hard: HardConfig,
    domain: DomainConfig,
    consistency: ConsistencyConfig,
) -> dict[str, bool]:
    """What must hold, by the message that tells so."""
    weights = dataclasses.asdict(tasks)
    scheduled = sorted([*weights, "modality_dropout"])
    return {
        "a task needs a weight above 0": max(weights.values()) > 0,
        "tasks must have weights of 0 or more": min(weights.values()) >= 0,
        f"mixing.schedules must name {', '.join(scheduled)}": set(mixing.schedules) <= set(scheduled),
        f"mixing.schedules must be of {', '.join(SCHEDULES)}": all(
            isinstance(name, str) and name in SCHEDULES for name in mixing.schedules.values()
        ),
        f"mixing.balance must be one of {', '.join(BALANCES)}": mixing.balance in BALANCES,
        "hard.negatives must be at least 1": hard.negatives >= 1,
        "hard.skip must not be negative": hard.skip >= 0,
        "hard.memory must not be negative": hard.memory >= 0,
        f"domain.loss must be one of {', '.join(DOMAIN_LOSSES)}": domain.loss in DOMAIN_LOSSES,
        "consistency.noise must not be negative": consistency.noise >= 0,
    }
