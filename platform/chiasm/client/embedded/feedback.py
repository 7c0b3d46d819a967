"""Feedback, on a home opened in this process."""

from __future__ import annotations

from collections.abc import Sequence

from chiasm.client.embedded.tenant import Tenant
from chiasm.client.protocol import JsonDict

__all__ = ["FeedbackTaken"]


class FeedbackTaken(Tenant):
    """The part of the backend that keeps what people say of hits."""

    def give_feedback(
        self, query: str, *, accepted: Sequence[str], rejected: Sequence[str], release: str | None
    ) -> JsonDict:
        """`{"release", "stored", "changed"}`."""
        from chiasm.releases.feedback import give_feedback

        return give_feedback(
            self.home.catalog,
            self.workspace_id,
            query,
            accepted=accepted,
            rejected=rejected,
            release=release,
        )

    def feedback(self, *, verdict: str | None, release: str | None, cursor: int, limit: int) -> JsonDict:
        """A page `{"feedback": [...], "next_cursor": int | None}`, in order."""
        from chiasm.releases.feedback import list_feedback

        with self.home.catalog.read() as session:
            return list_feedback(
                session, self.workspace_id, verdict=verdict, release=release, cursor=cursor, limit=limit
            )
