"""How far long work is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Step", "Watch", "unwatched"]


class Step(NamedTuple):
    """What is being done, and how much of it is."""

    stage: str
    done: int
    #: 0 where it is not known.
    total: int = 0


Watch = Callable[[Step], None]


def unwatched(step: Step) -> None:
    """For callers that do not look."""
