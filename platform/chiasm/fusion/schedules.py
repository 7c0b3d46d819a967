"""How a weight changes over a training run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

__all__ = ["SCHEDULES", "scheduled"]

#: Name -> share of the full weight at progress 0 to 1.
SCHEDULES: Mapping[str, Callable[[float], float]] = {
    "constant": lambda _: 1.0,
    "linear": lambda done: done,
    "linear_down": lambda done: 1.0 - done,
    "cosine": lambda done: 0.5 * (1 - math.cos(math.pi * done)),
    "cosine_down": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
    # Ganin et al. 2016, section 5.2.2: quiet while the domain classifier is still noise.
    "ganin": lambda done: 2.0 / (1.0 + math.exp(-10.0 * done)) - 1.0,
}


def scheduled(name: str, weight: float, done: float) -> float:
    """The weight when the share ``done`` of a run is over.

    Args:
        name: Of `SCHEDULES`.
        weight: The full one.
        done: In [0, 1]; values beyond count as the bound.
    """
    return weight * SCHEDULES[name](min(1.0, max(0.0, done)))
