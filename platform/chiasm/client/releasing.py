"""What a knowledge base needs to list, compare, try, swap and roll back releases."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["ReleasingBackend"]

JsonDict = dict[str, Any]


class ReleasingBackend(Protocol):
    """Implemented by a home opened in this process, and by requests to `chiasm serve`."""

    def releases(self) -> list[JsonDict]:
        """Releases, newest first."""

    def release(self, name: str) -> JsonDict:
        """One release in full."""

    def diff_releases(self, first: str, second: str) -> JsonDict:
        """What differs between two releases."""

    def release_card(self, name: str) -> str:
        """A release's model card, in Markdown."""

    def preview_release(self, name: str, *, against: str | None, queries: int, k: int) -> JsonDict:
        """How the answers of two releases differ: `{"churn", "domains", "modalities", "changed", ...}`."""

    def promote(self, name: str, *, watch_s: float) -> JsonDict:
        """Let a release answer from now on."""

    def rollback(self) -> JsonDict:
        """Let the release before answer again."""

    def start_trial(self, name: str, *, kind: str, share: float) -> JsonDict:
        """Put a release beside the active one: canary or shadow."""

    def stop_trial(self) -> JsonDict:
        """End the canary or shadow that is on."""

    def trials(self) -> list[JsonDict]:
        """Trials with what was seen of both releases, newest first."""

    def kept_queries(self) -> list[JsonDict]:
        """Queries that previews ask: saved ones and recent ones."""

    def save_query(self, name: str, *, text: str | None, entity: str | None, into: str | None) -> JsonDict:
        """Save a query under a name."""

    def drop_query(self, name: str) -> None:
        """Remove a saved query."""
