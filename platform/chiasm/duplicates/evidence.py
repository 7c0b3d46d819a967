"""What speaks for pairs of entities, gathered from pairs of contents."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import combinations
from typing import Any

from chiasm.duplicates.confidence import combined
from chiasm.duplicates.pairs import FoundPair

__all__ = ["Evidence"]

#: Contents that so many entities hold say nothing of any two of them, and would make pairs in their square.
_MAX_HOLDERS = 50
#: Less is not worth being kept.
_LEAST = 0.02


class Evidence:
    """The strongest signal of each modality for each pair of entities.

    Args:
        holders: By modality, content to the entities that have it.
    """

    def __init__(self, holders: Mapping[str, Mapping[str, Collection[int]]]) -> None:
        self._holders = holders
        self._pairs: dict[tuple[int, int], dict[str, dict[str, Any]]] = {}

    def equal(self, modality: str, content: str, confidence: float) -> None:
        """All holders of a content have it in common."""
        owners = self._holders[modality][content]
        if confidence >= _LEAST and len(owners) <= _MAX_HOLDERS:
            for one, other in combinations(sorted(owners), 2):
                self._add(one, other, modality, "same", confidence, len(owners))

    def near(
        self, modality: str, contents: tuple[str, str], signal: str, confidence: float, value: float
    ) -> None:
        """Holders of two contents that are alike."""
        ours, theirs = (self._holders[modality][content] for content in contents)
        if confidence < _LEAST or len({*ours, *theirs}) > _MAX_HOLDERS:
            return
        for one in ours:
            for other in theirs:
                if one != other:
                    first, second = sorted((one, other))
                    self._add(first, second, modality, signal, confidence, value)

    def together(self, modality: str, contents: tuple[str, str]) -> int:
        """How many entities have one or the other of two contents."""
        return len({*self._holders[modality][contents[0]], *self._holders[modality][contents[1]]})

    def pairs(self, least: float) -> list[FoundPair]:
        """Pairs that are at least so sure, in order."""
        return [
            FoundPair(first, second, found)
            for (first, second), found in sorted(self._pairs.items())
            if combined(one["confidence"] for one in found.values()) >= least
        ]

    def _add(
        self, first: int, second: int, modality: str, signal: str, confidence: float, value: float
    ) -> None:
        found = self._pairs.setdefault((first, second), {})
        if modality not in found or found[modality]["confidence"] < confidence:
            found[modality] = {
                "signal": signal,
                "confidence": round(confidence, 4),
                "value": round(value, 4),
            }
