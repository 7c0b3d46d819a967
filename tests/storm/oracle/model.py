"""What the catalogue must hold after a history: dictionaries, and no thought of speed, transactions or units."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chiasm.ingest.names import name_of_key

__all__ = ["Entry", "Model"]

#: Of entities whose record names none.
DEFAULT = "default"
Edge = tuple[str, str, str]


@dataclass
class Entry:
    """An entity, living or deleted."""

    revision: int = 1
    stub: bool = False
    deleted: bool = False
    domain: str | None = None
    title: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    #: Text to its language, in order.
    texts: dict[str, str | None] = field(default_factory=dict)
    #: Contents of pictures, by the number that they are drawn from.
    images: tuple[int, ...] = ()
    #: A name out of the key, as long as nothing better is known.
    name: str | None = None
    #: What was written last; None where it is not all there any more.
    last: Any = None

    @property
    def words(self) -> set[str]:
        """Every text that it is found by."""
        return {*self.texts, *([self.title] if self.title else []), *([self.name] if self.name else [])}

    @property
    def found(self) -> bool:
        """Whether it can be a hit."""
        return not self.deleted and not self.stub


class Model:
    """Keys to entries, and edges with origin and confidence."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.edges: dict[Edge, tuple[str, float]] = {}
        #: Records and media that were refused.
        self.refused: list[str] = []
        #: Keys that were deleted after a record was accepted that is not read yet, by number of deletion.
        self.clock = 0
        self.deleted_at: dict[str, int] = {}

    def alive(self) -> list[str]:
        return [key for key, one in self.entries.items() if not one.deleted]

    def records(self, given: Sequence[Mapping[str, Any]], *, replace: bool, accepted: int) -> None:
        """Records are read together that were accepted at some time of the clock.

        Of a key that comes twice the later one counts after all first ones. What is only named by others comes
        into being when the records are written, so that one that has a record is never a stub in between.
        """
        left = list(given)
        while left:
            first: dict[str, Mapping[str, Any]] = {}
            later = []
            for one in left:
                if one["key"] in first:
                    later.append(one)
                else:
                    first[one["key"]] = one
            left = later
            written = [one for one in first.values() if self._record(one, replace=replace, accepted=accepted)]
            for one in written:
                if one.get("relations") is not None or replace:
                    self._relations(one["key"], one.get("relations") or ())

    def _record(self, given: Mapping[str, Any], *, replace: bool, accepted: int) -> bool:
        """Whether it was written."""
        key = given["key"]
        one = self.entries.get(key)
        broken = [number for number in given.get("images") or () if number is None]
        self.refused += [f"{key}: a picture"] * len(broken)
        if one is not None and one.deleted and self.deleted_at.get(key, -1) >= accepted:
            return False
        bare = {name: value for name, value in given.items() if name != "if_revision"}
        # Other values for the same entity: a record that says what it said before changes nothing.
        said = (replace, copy.deepcopy(bare))
        if one is not None and not one.deleted and one.last == said and not broken:
            return False
        now = 0 if one is None or one.deleted else one.revision
        if given.get("if_revision", now) != now:
            self.refused.append(f"{key}: revision {now}")
            return False
        if one is None:
            one = self.entries[key] = Entry()
        else:
            one.revision += 1
        comes = one.stub or one.deleted or one.revision == 1
        one.stub = one.deleted = False
        one.name = None
        one.last = None if broken else said
        if given.get("domain") is not None or (comes and one.domain is None):
            one.domain = given.get("domain") or DEFAULT
        self._fields(one, given, replace)
        return True

    def _fields(self, one: Entry, given: Mapping[str, Any], replace: bool) -> None:
        if given.get("title") is not None or replace:
            one.title = given.get("title") or None
        if given.get("attributes") is not None or replace:
            one.attributes = dict(given.get("attributes") or {})
        if given.get("text") is not None or replace:
            one.texts = {}
            for value, lang in given.get("text") or ():
                one.texts.setdefault(value, lang)
        if given.get("images") is not None or replace:
            good = [number for number in given.get("images") or () if number is not None]
            # Where one cannot be read, what was there stays.
            kept = one.images if None in (given.get("images") or ()) else ()
            one.images = tuple(dict.fromkeys([*kept, *good]))

    def _relations(self, key: str, relations: Any) -> None:
        wanted = {(key, predicate, other): sure for predicate, other, sure in relations}
        for edge in [edge for edge, (origin, _) in self.edges.items() if edge[0] == key]:
            origin = self.edges[edge][0]
            if origin == "stated" and edge not in wanted:
                del self.edges[edge]
        for edge, sure in wanted.items():
            self._stub(edge[2])
            if self.edges.get(edge, ("stated", 0.0))[0] == "stated":
                self.edges[edge] = ("stated", sure)

    def table(self, rows: Any) -> None:
        """Rows of a triples file."""
        for head, predicate, tail, sure in rows:
            self._stub(head)
            self._stub(tail)
            self.edges[head, predicate, tail] = ("table", sure)

    def _stub(self, key: str) -> None:
        one = self.entries.get(key)
        if one is None:
            self.entries[key] = Entry(stub=True, name=name_of_key(key))
        elif one.deleted:
            one.deleted, one.stub, one.name = False, True, name_of_key(key)

    def delete(self, key: str) -> None:
        """An entity goes; its row remains, and counts on."""
        one = self.entries[key]
        if one.deleted:
            return
        self.clock += 1
        self.deleted_at[key] = self.clock
        self.entries[key] = Entry(revision=one.revision + 1, deleted=True)
        for edge in [edge for edge in self.edges if key in (edge[0], edge[2])]:
            # The record of the other end names an edge that is gone: the next one like it is no repetition.
            self.entries[edge[0]].last = None
            del self.edges[edge]

    def clear(self, domain: str | None) -> None:
        """A domain goes, or everything."""
        for key in self.alive():
            if domain is None or self.entries[key].domain == domain:
                self.delete(key)

    def forget(self, keys: Any) -> None:
        """Entities go, and nobody remembers that they were there."""
        for key in keys:
            self.delete(key)
            del self.entries[key]

    def delete_text(self, key: str, value: str) -> None:
        one = self.entries[key]
        one.revision += 1
        one.last = None
        one.texts.pop(value, None)
        if one.title == value:
            one.title = None
        if one.name == value:
            one.name = None

    def owners(self, value: str) -> set[str]:
        """Who is found by a text."""
        return {key for key, one in self.entries.items() if one.found and value in one.words}
