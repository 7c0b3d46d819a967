"""Counts of searches by one release: how many, how long, how many failed; sums of several processes are counts again."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Counts"]

#: Of a bucket: each is 9 % wider than the one before.
_FIRST_MS, _PER_OCTAVE, _MOST = 0.01, 8, 200


@dataclass
class Counts:
    """Mutable; not safe to share between threads without a lock."""

    answered: int = 0
    failed: int = 0
    #: Searches by bucket of their time.
    times: Counter[int] = field(default_factory=Counter)
    #: Of a shadow: searches compared, those whose best hit was the same, and the sum of shares of hits in common.
    compared: int = 0
    same_best: int = 0
    overlap: float = 0.0
    #: Searches of a shadow that were not asked, as it was busy.
    skipped: int = 0
    last_error: str | None = None

    @property
    def total(self) -> int:
        """Searches."""
        return self.answered + self.failed

    @property
    def error_share(self) -> float:
        """Of the searches, those that failed."""
        return self.failed / self.total if self.total else 0.0

    def took(self, ms: float) -> None:
        """One more search was answered."""
        self.answered += 1
        bucket = math.ceil(_PER_OCTAVE * math.log2(max(ms, _FIRST_MS) / _FIRST_MS))
        self.times[min(_MOST, bucket)] += 1

    def percentile(self, percent: float) -> float:
        """Milliseconds within which so many of the searches were answered; 0 where there were none."""
        wanted, seen = self.answered * percent / 100, 0
        for bucket in sorted(self.times):
            seen += self.times[bucket]
            if seen >= wanted:
                return float(_FIRST_MS * 2 ** (bucket / _PER_OCTAVE))
        return 0.0

    def halve(self) -> None:
        """Let what was seen so far count half."""
        self.times = Counter({bucket: count // 2 for bucket, count in self.times.items() if count > 1})
        self.answered, self.failed = sum(self.times.values()), self.failed // 2

    def add(self, other: Counts) -> None:
        """Count what somebody else saw."""
        for name in ("answered", "failed", "compared", "same_best", "overlap", "skipped"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.times.update(other.times)
        self.last_error = other.last_error or self.last_error

    def to_dict(self) -> dict[str, Any]:
        """As it is stored."""
        return {**vars(self), "times": {str(bucket): count for bucket, count in self.times.items()}}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Counts:
        """As it was stored."""
        times = Counter({int(bucket): count for bucket, count in stored.get("times", {}).items()})
        return cls(**{**stored, "times": times})

    def to_report(self) -> dict[str, Any]:
        """What people read."""
        found: dict[str, Any] = {
            "searches": self.total,
            "failed": self.failed,
            "p50_ms": round(self.percentile(50), 3),
            "p95_ms": round(self.percentile(95), 3),
        }
        if self.compared or self.skipped:
            share = 1.0 / max(1, self.compared)
            found |= {
                "compared": self.compared,
                "same_best": round(self.same_best * share, 4),
                "in_common": round(self.overlap * share, 4),
                "skipped": self.skipped,
            }
        return found | ({"last_error": self.last_error} if self.last_error else {})
