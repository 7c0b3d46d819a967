"""What people say of hits, as the knowledge base takes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chiasm.client.protocol import Backend, JsonDict

__all__ = ["Feedback"]

_PAGE = 500


class Feedback:
    """Accepted and rejected hits: `kb.feedback`; called, it keeps both of a query."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __iter__(self) -> Iterator[JsonDict]:
        return self.list()

    def __call__(
        self,
        query: str,
        *,
        accepted: str | Sequence[str] = (),
        rejected: str | Sequence[str] = (),
        release: str | None = None,
    ) -> JsonDict:
        """Keep what somebody says of the hits of a query; `{"release", "stored", "changed"}`.

        Saying it again changes nothing; saying otherwise changes the verdict.

        Args:
            query: The words that were searched for.
            accepted: Keys of hits that were right.
            rejected: Keys of hits that were wrong.
            release: Which answered, as in `hits.release`; default the one that answers now.

        Raises:
            UsageError: The query is empty or too long, or there is nothing or a contradiction in the verdicts.
            NotFoundError: There is no such entity or release; nothing is kept then.
        """
        return self._backend.give_feedback(
            query, accepted=_listed(accepted), rejected=_listed(rejected), release=release
        )

    def accept(self, query: str, *keys: str, release: str | None = None) -> JsonDict:
        """Say that these hits of a query were right."""
        return self(query, accepted=keys, release=release)

    def reject(self, query: str, *keys: str, release: str | None = None) -> JsonDict:
        """Say that these hits of a query were wrong."""
        return self(query, rejected=keys, release=release)

    def list(self, *, verdict: str | None = None, release: str | None = None) -> Iterator[JsonDict]:
        """What was said, in order: `{"id", "query", "key", "domain", "verdict", "release", "at"}`.

        Args:
            verdict: accepted or rejected.
            release: Of its answers only.
        """
        cursor: int | None = 0
        while cursor is not None:
            page = self._backend.feedback(verdict=verdict, release=release, cursor=cursor, limit=_PAGE)
            yield from page["feedback"]
            cursor = page["next_cursor"]


def _listed(keys: str | Sequence[str]) -> Sequence[str]:
    return [keys] if isinstance(keys, str) else list(keys)
