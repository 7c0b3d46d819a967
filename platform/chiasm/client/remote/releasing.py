"""Releases listed, compared, tried, swapped and rolled back over HTTP."""

from __future__ import annotations

from pathlib import Path

from chiasm.client.protocol import JsonDict
from chiasm.client.remote.wire import Wire, quoted
from chiasm.errors import UsageError

__all__ = ["Releasing"]


class Releasing:
    """The part of the backend about releases."""

    _wire: Wire

    def releases(self) -> list[JsonDict]:
        """Releases, newest first."""
        return list(self._wire.get("/v1/releases")["releases"])

    def release(self, name: str) -> JsonDict:
        """One release in full."""
        return self._wire.get(f"/v1/releases/{quoted(name)}")

    def diff_releases(self, first: str, second: str) -> JsonDict:
        """What differs between two releases."""
        return self._wire.get(f"/v1/releases/{quoted(first)}/diff/{quoted(second)}")

    def release_card(self, name: str) -> str:
        """A release's model card, in Markdown."""
        return str(self._wire.get(f"/v1/releases/{quoted(name)}/card")["markdown"])

    def preview_release(self, name: str, *, against: str | None, queries: int, k: int) -> JsonDict:
        """How the answers of two releases differ."""
        body = {"against": against, "queries": queries, "k": k}
        return self._wire.post(f"/v1/releases/{quoted(name)}/preview", body)

    def promote(self, name: str, *, watch_s: float) -> JsonDict:
        """Let a release answer from now on."""
        return self._wire.post(f"/v1/releases/{quoted(name)}/promote", {"watch_s": watch_s})

    def rollback(self) -> JsonDict:
        """Let the release before answer again."""
        return self._wire.post("/v1/releases/rollback")

    def start_trial(self, name: str, *, kind: str, share: float) -> JsonDict:
        """Put a release beside the active one."""
        return self._wire.post(f"/v1/releases/{quoted(name)}/trial", {"kind": kind, "share": share})

    def stop_trial(self) -> JsonDict:
        """End the canary or shadow that is on."""
        return self._wire.post("/v1/releases/trials/stop")

    def trials(self) -> list[JsonDict]:
        """Trials, newest first."""
        return list(self._wire.get("/v1/releases/trials")["trials"])

    def kept_queries(self) -> list[JsonDict]:
        """Queries that previews ask."""
        return list(self._wire.get("/v1/releases/queries")["queries"])

    def save_query(self, name: str, *, text: str | None, entity: str | None, into: str | None) -> JsonDict:
        """Save a query under a name."""
        given = {"name": name, "text": text, "entity": entity, "into": into}
        body = {one: value for one, value in given.items() if value is not None}
        return self._wire.post("/v1/releases/queries", body)

    def drop_query(self, name: str) -> None:
        """Remove a saved query."""
        self._wire.post("/v1/releases/queries/remove", {"name": name})

    def export_release(self, name: str | None, file: Path) -> JsonDict:
        """Refused: the key that signs is the home's.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            "a release is exported where the home is",
            where=self._wire.url,
            remedy="run `chiasm releases export ID FILE` there",
        )

    def import_release(self, file: Path, *, at_once: bool) -> int:
        """Refused: the key that a signature is checked with is the home's.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            "a release is imported where the home is",
            where=self._wire.url,
            remedy="run `chiasm releases import FILE` there",
        )
