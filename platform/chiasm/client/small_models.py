"""What back ends offer beside search with what a release has learned: students and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from chiasm.client.parts import QueryPart

__all__ = ["SmallModels"]


class SmallModels(Protocol):
    """A part of `chiasm.client.protocol.Backend`."""

    def distill(
        self,
        *,
        max_mb: float,
        max_ms: float,
        modality: str,
        min_retention: float,
        release: str | None,
        kinds: Sequence[str],
        corpus: Sequence[str],
        overrides: Mapping[str, str],
        seed: int,
    ) -> int:
        """The id of a job that distills a student of a release's encoder."""

    def classify(
        self,
        *,
        parts: Sequence[QueryPart],
        labels: Sequence[str],
        examples: Mapping[str, Sequence[str]],
        by: str | None,
    ) -> dict[str, Any]:
        """The answer of `chiasm classify --json`."""
