"""What is asked of rules and predictions; wrong values are found here."""

from __future__ import annotations

from dataclasses import dataclass

from chiasm.errors import UsageError

__all__ = ["ApplyRequest", "PredictRequest", "RulesRequest"]

_MAX_LISTED = 10_000
_MAX_K = 1000
#: Triples that one application of rules may derive.
_MAX_DERIVED = 10_000_000
_AGGREGATIONS = ("maximum", "noisy_or")


@dataclass(frozen=True)
class RulesRequest:
    """Which rules.

    Raises:
        UsageError: A value is out of range.
    """

    #: Name of the relation that they imply; None: any.
    relation: str | None = None
    #: Rules of the caller's own, one a line.
    rules: str | None = None
    length: int = 3
    constants: bool = True
    min_support: int = 3
    min_confidence: float = 0.1
    min_head_coverage: float = 0.0
    limit: int = 100
    max_seconds: float = 60.0
    seed: int = 0

    def __post_init__(self) -> None:
        _within("length", self.length, 1, 3)
        _within("min_support", self.min_support, 1, 2**31)
        _within("min_confidence", self.min_confidence, 0, 1)
        _within("min_head_coverage", self.min_head_coverage, 0, 1)
        _within("limit", self.limit, 1, _MAX_LISTED)
        _within("max_seconds", self.max_seconds, 0.1, 3600)
        _within("seed", self.seed, 0, 2**63 - 1)


@dataclass(frozen=True)
class ApplyRequest(RulesRequest):
    """Which rules are applied, and how much is written of what they say.

    Raises:
        UsageError: A value is out of range.
    """

    min_confidence: float = 0.8
    #: What is written at most, the surest first.
    max_triples: int = 100_000
    #: Whether nothing is written.
    dry_run: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("max_triples", self.max_triples, 1, _MAX_DERIVED)


@dataclass(frozen=True)
class PredictRequest:
    """Which end of which relation is asked for.

    Raises:
        UsageError: Both ends are given or none, or a value is out of range.
    """

    relation: str
    head: str | None = None
    tail: str | None = None
    #: Rules of the caller's own, one a line; they count besides the mined ones.
    rules: str | None = None
    k: int = 10
    #: maximum or noisy_or.
    aggregation: str = "maximum"
    #: Whether what is stated already is predicted too.
    known: bool = False
    max_seconds: float = 60.0
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.head is None) == (self.tail is None):
            raise UsageError(
                "a prediction needs one end of the relation",
                remedy="give head to ask for tails, or tail to ask for heads",
            )
        if self.aggregation not in _AGGREGATIONS:
            raise UsageError(
                f"unknown aggregation {self.aggregation!r}", remedy=f"use {' or '.join(_AGGREGATIONS)}"
            )
        _within("k", self.k, 1, _MAX_K)
        _within("max_seconds", self.max_seconds, 0.1, 3600)
        _within("seed", self.seed, 0, 2**63 - 1)


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise UsageError(f"{name} is {value:g}", where=name, remedy=f"use {least:g} to {most:g}")
