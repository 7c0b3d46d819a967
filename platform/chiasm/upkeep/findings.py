"""What an examination says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["REPAIR", "Finding", "Report"]

#: Remedy of everything that is derived.
REPAIR = "run `chiasm doctor --repair`"


@dataclass
class Finding:
    """One thing that was looked at."""

    #: ok, warning or problem.
    level: str
    what: str
    remedy: str | None = None
    #: How many rows, files or vectors it concerns.
    count: int | None = None
    #: Measured values, for those that say more than a sentence.
    figures: dict[str, Any] = field(default_factory=dict)
    #: Mends it in short transactions and says what was done; None where nobody but the user can.
    mend: Callable[[], str] | None = field(default=None, repr=False, compare=False)
    #: What a repair did, in words.
    repaired: str | None = None
    #: Name of the check, set by the examination.
    check: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON."""
        names = ("check", "level", "what", "remedy", "count", "repaired")
        shown = {name: getattr(self, name) for name in names}
        return {**shown, **({"figures": self.figures} if self.figures else {})}


@dataclass
class Report:
    """All findings in the order of the checks, sound or not."""

    findings: list[Finding] = field(default_factory=list)
    #: Jobs that repairs made: vectors that have to be computed again.
    jobs: list[int] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        """Whether no problem is left."""
        return all(one.level != "problem" or one.repaired is not None for one in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        checks = [finding.to_dict() for finding in self.findings]
        return {"healthy": self.healthy, "checks": checks, "jobs": self.jobs}
