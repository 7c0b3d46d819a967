"""What comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from chiasm.hit import Hit
from chiasm.search.query import Query

__all__ = ["SearchResult"]


@dataclass
class SearchResult:
    """Hits, best first, and who answered."""

    #: `r7`, or `late-fusion` before the first release.
    release: str
    took_ms: float
    asked: Query
    hits: Sequence[Hit]
    warnings: Sequence[str] = field(default=())
    #: Makes what asks for the hits after these; None if there are none.
    go_on: Callable[[], str] | None = None

    @property
    def query(self) -> dict[str, Any]:
        """What was asked, without the media."""
        return self.asked.to_dict()

    @cached_property
    def next_cursor(self) -> str | None:
        """Asks for the hits after these; None if there are none."""
        return self.go_on() if self.go_on is not None else None

    def to_dict(self) -> dict[str, Any]:
        """The answer as `chiasm search --json` prints it."""
        grouped = self.asked.group_by is not None
        return {
            "release": self.release,
            "took_ms": round(self.took_ms, 2),
            "query": self.query,
            "hits": [hit.to_dict(grouped=grouped) for hit in self.hits],
            "next_cursor": self.next_cursor,
            "warnings": list(self.warnings),
        }
