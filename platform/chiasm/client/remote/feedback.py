"""Feedback, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from chiasm.client.protocol import JsonDict
from chiasm.client.remote.wire import Wire

__all__ = ["FeedbackTaken"]


class FeedbackTaken:
    """The part of the backend that keeps what people say of hits."""

    _wire: Wire

    def give_feedback(
        self, query: str, *, accepted: Sequence[str], rejected: Sequence[str], release: str | None
    ) -> JsonDict:
        """`{"release", "stored", "changed"}`."""
        body = {"query": query, "accepted": list(accepted), "rejected": list(rejected), "release": release}
        return self._wire.post("/v1/feedback", body)

    def feedback(self, *, verdict: str | None, release: str | None, cursor: int, limit: int) -> JsonDict:
        """A page `{"feedback": [...], "next_cursor": int | None}`, in order."""
        return self._wire.get("/v1/feedback", verdict=verdict, release=release, cursor=cursor, limit=limit)
