"""What a student may cost, and what the search for one that costs no more has tried."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from chiasm.errors import UsageError
from chiasm.training.retention import Retention

__all__ = ["Budget", "Trial", "smallest"]


@dataclass(frozen=True)
class Budget:
    """Limits of a student.

    Raises:
        UsageError: One is no positive number, or the share is above one.
    """

    max_mb: float
    #: For one query on one core of the machine that distills.
    max_ms: float
    #: Share of the teacher's hit@10.
    min_retention: float = 0.95

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
                raise UsageError(f"{name} is {value}", where="budget", remedy="use a positive number")
        if self.min_retention > 1:
            raise UsageError(
                f"min_retention is {self.min_retention}", where="budget", remedy="it is a share, as 0.95"
            )


@dataclass(frozen=True)
class Trial:
    """One shape of student, and what it costs."""

    name: str
    parameters: int
    #: Of all its files; None where the parameters alone are too many.
    mb: float | None = None
    #: Median of one query, and the quartiles.
    ms: float | None = None
    ms_quartiles: tuple[float, float] | None = None
    #: On the queries that choose; None where it was not trained.
    kept: Retention | None = None
    train_s: float | None = None
    verdict: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The trial as JSON."""
        kept = self.kept
        return {
            "name": self.name,
            "parameters": self.parameters,
            "mb": _rounded(self.mb, 2),
            "ms": _rounded(self.ms, 3),
            "ms_quartiles": [round(ms, 3) for ms in self.ms_quartiles] if self.ms_quartiles else None,
            "retention": round(kept.ratio, 4) if kept else None,
            "hit@10": round(kept.student, 4) if kept else None,
            "train_s": _rounded(self.train_s, 1),
            "verdict": self.verdict,
        }


def smallest(trials: list[Trial], budget: Budget) -> tuple[Trial | None, Trial | None]:
    """The smallest trial within the budget that keeps enough, and the one within it that keeps most."""
    trained = [trial for trial in trials if trial.kept is not None]
    fitting = [trial for trial in trained if trial.kept and trial.kept.ratio >= budget.min_retention]
    size = lambda trial: trial.mb or 0.0  # noqa: E731
    best = max(trained, key=lambda trial: trial.kept.ratio if trial.kept else 0.0, default=None)
    return min(fitting, key=size, default=None), best


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
