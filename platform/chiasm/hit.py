"""An entity that answers a query: one shape for the searcher, the service and whoever asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

__all__ = ["Hit"]


class Hit(NamedTuple):
    """One entity found."""

    rank: int
    key: str
    domain: str | None
    title: str | None
    #: The chance of relevance, comparable between entities that have different modalities; a mean rank in (0, 1]
    #: before the first release.
    score: float
    #: What the entity was judged on, as in `["text", "image", "graph"]`.
    present: Sequence[str] = ()
    #: Raw cosine to the query, by the space that it was compared in (text, image, audio, fused).
    cosine: Mapping[str, float] = MappingProxyType({})
    #: With `group_by`: the value that the group has in common.
    group: Any = None
    #: With `explain=True`: signed share of each modality and of each neighbour, the rank without each, paths.
    why: dict[str, Any] | None = None

    def to_dict(self, *, grouped: bool | None = None) -> dict[str, Any]:
        """The hit as `chiasm search --json` prints it, numbers to four places.

        Args:
            grouped: Whether the group is shown, even if it is that of hits without the attribute; by default where
                there is one.
        """
        shown: dict[str, Any] = {
            "rank": self.rank,
            "key": self.key,
            "domain": self.domain,
            "title": self.title,
            "score": round(self.score, 4),
            "cosine": {kind: round(value, 4) for kind, value in self.cosine.items()},
            "present": list(self.present),
        }
        if grouped or (grouped is None and self.group is not None):
            shown["group"] = self.group
        return shown if self.why is None else {**shown, "why": self.why}
