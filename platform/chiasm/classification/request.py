"""What is asked of a classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chiasm.errors import UsageError

__all__ = ["MOST_LABELS", "ClassifyRequest"]

MOST_LABELS = 1000


@dataclass(frozen=True)
class ClassifyRequest:
    """A thing, and the labels that it may have.

    Args:
        parts: `chiasm.search.Part` of kind text, image or audio, all of one thing.
        labels: Of which one is chosen; with examples or an attribute those that are looked at.
        examples: Label to keys of entities that have it.
        by: Attribute whose values are the labels, and whose entities the examples.

    Raises:
        UsageError: There is nothing to classify, fewer than two labels, or two ways to say what labels are.
    """

    parts: Sequence[Any]
    labels: Sequence[str] = ()
    examples: Mapping[str, Sequence[str]] = field(default_factory=dict)
    by: str | None = None

    def __post_init__(self) -> None:
        if not self.parts:
            raise UsageError(
                "there is nothing to classify", where="classify", remedy="give a text, an image or an audio"
            )
        if self.by is not None and self.examples:
            raise UsageError(
                "both examples and an attribute are given", where="classify", remedy="give one of the two"
            )
        names = list(self.labels or self.examples)
        if self.by is None or self.labels:
            check_labels(names)
        unknown = sorted(set(self.labels) - set(self.examples)) if self.examples and self.labels else []
        if unknown:
            raise UsageError(
                f"label {unknown[0][:80]!r} has no example",
                where="examples",
                remedy="name at least one entity of it",
            )
        empty = [name for name, keys in self.examples.items() if not keys]
        if empty:
            raise UsageError(
                f"label {empty[0][:80]!r} has no example", where="examples", remedy="write label=KEY,KEY"
            )


def check_labels(names: Sequence[str]) -> None:
    """Return if one of them can be chosen.

    Raises:
        UsageError: They are fewer than two, too many, empty, or not all different.
    """
    if len(names) < 2:
        raise UsageError(
            f"{'one label is' if names else 'no label is'} no choice",
            where="labels",
            remedy="give at least two labels, as in --labels cat,dog, or examples of them",
        )
    if len(names) > MOST_LABELS:
        raise UsageError(f"{len(names):,} labels", where="labels", remedy=f"use at most {MOST_LABELS:,}")
    if not all(name.strip() for name in names):
        raise UsageError("a label is empty", where="labels", remedy="leave it out, or name it")
    if len(set(names)) < len(names):
        twice = next(name for at, name in enumerate(names) if name in names[:at])
        raise UsageError(f"label {twice[:80]!r} is given twice", where="labels", remedy="give each once")
