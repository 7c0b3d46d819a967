"""How a training run tells where it stands, and learns that it shall stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = ["STAGES", "Progress", "Report", "Stop", "Stopped"]

#: In order, with each one's usual share of the time when all are run.
STAGES: Mapping[str, float] = {
    "text tuning": 0.1,
    "paired students": 0.1,
    "image student": 0.35,
    "audio student": 0.15,
    "features": 0.05,
    "fusion": 0.18,
    "ranking": 0.02,
    "evaluation": 0.05,
}


@dataclass(frozen=True)
class Progress:
    """One report."""

    stage: str
    #: Of the whole run, in [0, 1].
    ratio: float
    #: Losses and metrics worth showing.
    values: Mapping[str, float] = field(default_factory=dict)


Report = Callable[[Progress], None]
Stop = Callable[[], bool]


class Stopped(Exception):  # noqa: N818 - no error: the caller asked for it
    """The run was asked to stop; it can be resumed from its last checkpoint."""
