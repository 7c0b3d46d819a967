"""An entity of a knowledge base, and the edges around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chiasm.client.media import Medium
from chiasm.client.protocol import Backend, JsonDict

__all__ = ["Entity", "Neighbour"]


@dataclass(frozen=True)
class Neighbour:
    """One edge seen from an entity."""

    key: str
    title: str | None
    domain: str | None
    predicate: str
    #: `out` where the entity is the subject, `in` where it is the object.
    direction: str
    confidence: float = 1.0
    origin: str = "stated"


class Entity:
    """A thing with a key; its content is that of the moment it was read."""

    def __init__(self, backend: Backend, row: JsonDict) -> None:
        self._backend = backend
        self._row = row
        self.key: str = row["key"]
        self.domain: str | None = row["domain"]
        self.title: str | None = row["title"]
        #: Only named by others so far.
        self.is_stub: bool = row["stub"]
        self.attributes: dict[str, Any] = row["attributes"]
        #: Counts up with every change; a record with `if_revision` is only written where it still fits.
        self.revision: int = row["revision"]
        #: Texts, title first.
        self.texts: list[str] = [asset["value"] for asset in row["text"]]
        #: Statements about it: predicate with object (a key) or value (a literal).
        self.relations: list[JsonDict] = row["relations"]

    def __repr__(self) -> str:
        return f"<Entity {self.key!r} {self.title!r}>"

    @property
    def present(self) -> list[str]:
        """Modalities it has content of."""
        return [modality for modality in ("text", "image", "audio") if self._row[modality]]

    def to_dict(self) -> JsonDict:
        """The entity as `/v1/entities/{key}` gives it."""
        return dict(self._row)

    def neighbours(self, *, limit: int = 1000) -> list[Neighbour]:
        """The edges around it, both directions."""
        around = self._backend.neighbours(self.key, hops=1, limit=limit)
        return [self._neighbour(edge, around["nodes"]) for edge in around["edges"]]

    def _neighbour(self, edge: JsonDict, nodes: JsonDict) -> Neighbour:
        outward = edge["subject"] == self.key
        other = edge["object"] if outward else edge["subject"]
        node = nodes[other]
        return Neighbour(
            key=other,
            title=node["title"],
            domain=node["domain"],
            predicate=edge["predicate"],
            direction="out" if outward else "in",
            confidence=edge["confidence"],
            origin=edge["origin"],
        )

    def media(self) -> list[Medium]:
        """Its first picture and its first sound."""
        return self._backend.media(self.key)

    def _repr_html_(self) -> str:
        from chiasm.client.hits import Hit, Hits

        hit = Hit(1, self.key, self.domain, self.title, 1.0, self.present)
        return Hits([hit], release="catalog", media=self._backend.media)._repr_html_()
