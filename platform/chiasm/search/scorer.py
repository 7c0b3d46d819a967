"""What ranks entities: late fusion before the first release, the fused space after it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm.search.asked import Asked
from chiasm.search.replica import Bools, Ints
from chiasm.search.state import State

__all__ = ["CANDIDATES", "Scorer", "Scores", "Shares", "demoted"]

#: (rows of the replica,), NaN for what cannot be judged or was left out.
Scores = npt.NDArray[np.float64]

#: Best items that each index of a large space contributes.
CANDIDATES = 1000


class Shares(NamedTuple):
    """Why one entity has its score."""

    #: Share of each modality that it was judged on, summing to 1.
    of: dict[str, float]
    #: By modality the score it would have without it, where something remains.
    without: dict[str, float]


class Scorer(ABC):
    """Scores of one query against one state."""

    def __init__(self, state: State, asked: Sequence[Asked]) -> None:
        self.state = state
        self.positive = [one for one in asked if one.part.weight > 0]
        self.negative = [one for one in asked if one.part.weight < 0]
        #: Rows that are scored too where a large space is not scored as a whole.
        self.also: Ints = np.zeros(0, dtype=np.int64)

    @abstractmethod
    def scores(self, allowed: Bools) -> Scores:
        """The score of each allowed entity, in [0, 1], ``(rows,)``."""

    @abstractmethod
    def shares(self, rows: Sequence[int]) -> list[Shares]:
        """Why entities have their scores; after `scores`."""

    def cosines(self, rows: Sequence[int]) -> list[dict[str, float]]:
        """Raw cosines to the positive parts, by the space that they are of; after `scores`."""
        return [{} for _ in rows]

    def negative_share(self, one: Asked) -> float:
        """Weight of a negative part against the greatest positive one."""
        return -one.part.weight / max(other.part.weight for other in self.positive)


def demoted(total: Scores, unwanted: Scores, share: float, pool: Ints) -> tuple[Scores, tuple[float, ...]]:
    """Scores after moving what resembles a negative part down.

    What resembles it most loses ``share`` times the distance between the best and the typical (median) score;
    what resembles it no more than is typical loses nothing; in between it is linear. So a negative
    part has the same force in every space, whatever the spread of its cosines.

    Args:
        total: Scores or logits by the positive parts.
        unwanted: The same by the negative part alone; NaN counts as typical.
        share: Strength, 1 for equal weights.
        pool: Rows that best and typical are taken from.

    Returns:
        The new scores, and what `demotion` needs to treat a single value alike.
    """
    scale = (*_range(unwanted[pool]), share * float(np.subtract(*_range(total[pool])[::-1])))
    return total - demotion(unwanted, scale), scale


def demotion(unwanted: Scores, scale: tuple[float, ...]) -> Scores:
    """How much to take off for a resemblance to a negative part."""
    typical, most, force = scale
    if most <= typical:
        return np.zeros_like(unwanted)
    likeness = np.clip((unwanted - typical) / (most - typical), 0.0, 1.0)
    return force * np.nan_to_num(likeness)


def _range(values: Scores) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    return (float(np.median(known)), float(known.max())) if len(known) else (0.0, 0.0)
