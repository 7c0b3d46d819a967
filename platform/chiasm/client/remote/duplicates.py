"""Duplicates, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from chiasm.client.protocol import JsonDict
from chiasm.client.remote.wire import Wire

__all__ = ["Duplicates"]


class Duplicates:
    """The part of the backend that finds, merges and takes apart."""

    _wire: Wire

    def find_duplicates(self, *, domain: str | None, modality: str | None, min_confidence: float) -> int:
        """The id of a job that compares all entities."""
        asked = {"domain": domain, "modality": modality, "min_confidence": min_confidence}
        return int(self._wire.post("/v1/duplicates", asked)["job"])

    def duplicates(
        self,
        *,
        state: str,
        domain: str | None,
        modality: str | None,
        min_confidence: float,
        limit: int,
        offset: int,
    ) -> list[JsonDict]:
        """Pairs, the surest first."""
        answer = self._wire.get(
            "/v1/duplicates",
            state=state,
            domain=domain,
            modality=modality,
            min_confidence=min_confidence,
            limit=limit,
            offset=offset,
        )
        return list(answer["duplicates"])

    def merge(self, keep: str, others: Sequence[str]) -> JsonDict:
        """`{"key", "merged", "job"}`."""
        return self._wire.post("/v1/duplicates/merge", {"keep": keep, "others": list(others)})

    def unmerge(self, key: str) -> JsonDict:
        """`{"key", "kept", "job"}`."""
        return self._wire.post("/v1/duplicates/unmerge", {"key": key})

    def dismiss_duplicate(self, one: str, other: str) -> None:
        """Say that two entities are two things."""
        self._wire.send("POST", "/v1/duplicates/dismiss", json={"keys": [one, other]})
