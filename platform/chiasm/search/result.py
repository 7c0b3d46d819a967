"""What comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

__all__ = ["Hit", "SearchResult"]


class Hit(NamedTuple):
    """An entity that answers the query."""

    rank: int
    key: str
    domain: str | None
    title: str | None
    #: The chance of relevance once a release answers; a mean reciprocal rank before that.
    score: float
    #: Modalities that it was judged on, and graph where it has neighbours.
    present: tuple[str, ...]
    #: As from `chiasm.search.explain`; None unless asked for.
    why: dict[str, Any] | None
    entity_id: int
    #: Raw cosine to the query by the space that it was compared in, where that is known.
    cosine: dict[str, float]
    #: Whether hits are grouped, and by which value this one is.
    grouped: bool = False
    group: Any = None

    def to_dict(self) -> dict[str, Any]:
        """The hit as `chiasm search --json` prints it."""
        shown: dict[str, Any] = {
            "rank": self.rank,
            "key": self.key,
            "domain": self.domain,
            "title": self.title,
            "score": round(self.score, 4),
            "cosine": {kind: round(value, 4) for kind, value in self.cosine.items()},
            "present": list(self.present),
        }
        if self.grouped:
            shown["group"] = self.group
        return shown if self.why is None else {**shown, "why": self.why}


@dataclass(frozen=True)
class SearchResult:
    """Hits, best first, and who answered."""

    #: `r7`, or `late-fusion` before the first release.
    release: str
    took_ms: float
    query: dict[str, Any]
    hits: Sequence[Hit]
    warnings: Sequence[str] = field(default=())
    #: Makes what asks for the hits after these; None if there are none.
    go_on: Callable[[], str] | None = None

    @cached_property
    def next_cursor(self) -> str | None:
        """Asks for the hits after these; None if there are none."""
        return self.go_on() if self.go_on is not None else None

    def to_dict(self) -> dict[str, Any]:
        """The answer as `chiasm search --json` prints it."""
        return {
            "release": self.release,
            "took_ms": round(self.took_ms, 2),
            "query": self.query,
            "hits": [hit.to_dict() for hit in self.hits],
            "next_cursor": self.next_cursor,
            "warnings": list(self.warnings),
        }
