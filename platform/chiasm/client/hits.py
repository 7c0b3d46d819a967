"""Search results: a list that also knows its release, its time, pandas and notebooks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from chiasm.hit import Hit

if TYPE_CHECKING:
    import pandas as pd

    from chiasm.client.media import Medium

__all__ = ["Hit", "Hits"]


class Hits(list[Hit]):
    """Hits in order, best first."""

    def __init__(
        self,
        hits: Iterable[Hit] = (),
        *,
        release: str = "",
        took_ms: float = 0.0,
        query: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None = None,
        warnings: Iterable[str] = (),
        next_cursor: str | Callable[[], str] | None = None,
        media: Callable[[str], list[Medium]] | None = None,
    ) -> None:
        super().__init__(hits)
        #: Which release answered; `late-fusion` before the first.
        self.release = release
        self.took_ms = took_ms
        self._query = query
        #: What could not be asked, each with its remedy.
        self.warnings = list(warnings)
        self._next_cursor = next_cursor
        self._media = media

    @classmethod
    def from_dict(
        cls, answer: Mapping[str, Any], *, media: Callable[[str], list[Medium]] | None = None
    ) -> Hits:
        """Hits from the JSON of a search."""
        hits = [
            Hit(
                rank=row["rank"],
                key=row["key"],
                domain=row.get("domain"),
                title=row.get("title"),
                score=row["score"],
                present=list(row.get("present", ())),
                cosine=dict(row.get("cosine") or {}),
                group=row.get("group"),
                why=row.get("why"),
            )
            for row in answer["hits"]
        ]
        return cls(
            hits,
            release=answer["release"],
            took_ms=answer["took_ms"],
            query=answer.get("query"),
            warnings=answer.get("warnings", ()),
            next_cursor=answer.get("next_cursor"),
            media=media,
        )

    @property
    def query(self) -> dict[str, Any]:
        """What was asked, without the media."""
        if not isinstance(self._query, dict):
            # Most are never read.
            self._query = dict((self._query() if callable(self._query) else self._query) or {})
        return self._query

    @property
    def next_cursor(self) -> str | None:
        """Handed to the same search as `cursor`, gives the hits after these; None if there are none."""
        if callable(self._next_cursor):
            self._next_cursor = self._next_cursor()
        return self._next_cursor

    @property
    def keys(self) -> list[str]:
        """The entities' keys, best first."""
        return [hit.key for hit in self]

    def to_dict(self) -> dict[str, Any]:
        """The answer as `chiasm search --json` prints it."""
        answer: dict[str, Any] = {
            "release": self.release,
            "took_ms": self.took_ms,
            "query": self.query,
            "hits": [hit.to_dict() for hit in self],
        }
        more = {"next_cursor": self.next_cursor, "warnings": self.warnings}
        return {**answer, **{name: value for name, value in more.items() if value}}

    def to_pandas(self) -> pd.DataFrame:
        """A data frame, one row a hit, indexed by rank.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            from chiasm.errors import MissingDependencyError

            raise MissingDependencyError(
                "pandas is not installed", remedy="run `pip install pandas`"
            ) from error
        columns = ["rank", "key", "domain", "title", "score", "cosine", "present", "group", "why"]
        rows = [{"group": None, "why": None, **hit.to_dict()} for hit in self]
        return pd.DataFrame(rows, columns=columns).set_index("rank")

    def _repr_html_(self) -> str:
        from chiasm.client.render import hits_to_html

        return hits_to_html(self, self._media)
