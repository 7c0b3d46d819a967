"""What would betray that something was here: keys, texts and values of the entities to forget."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Asset, Entity, Triple

__all__ = ["Marks", "key_hash"]

#: Shorter strings stand in every other message too, and tell nothing.
_MIN_LENGTH = 4


def key_hash(key: str) -> str:
    """How a receipt names a key that must not stay."""
    return hashlib.sha256(key.encode()).hexdigest()


@dataclass(frozen=True)
class Marks:
    """Strings to look for."""

    keys: frozenset[str]
    #: Keys, titles, texts, values and file names that are long enough to be told apart.
    strings: tuple[str, ...]
    #: SHA-256 of the pictures and sounds.
    media: frozenset[str]

    @classmethod
    def of(cls, session: Session, entities: Sequence[Entity]) -> Marks:
        """Those of some entities."""
        found: set[str] = set()
        media: set[str] = set()
        ids = [entity.id for entity in entities]
        for entity in entities:
            found.update(_strings([entity.key, entity.title, entity.attributes]))
        assets = select(Asset.modality, Asset.sha256, Asset.value, Asset.source).where(
            Asset.entity_id.in_(ids)
        )
        for modality, sha256, value, source in session.execute(assets):
            if modality == "text":
                found.update(_strings([value]))
            else:
                media.add(sha256)
                found.update(_strings([source]))
        found.update(_strings(session.scalars(select(Triple.literal).where(Triple.subject_id.in_(ids)))))
        strings = tuple(sorted(one for one in found if len(one) >= _MIN_LENGTH))
        return cls(frozenset(entity.key for entity in entities), strings, frozenset(media))

    def within(self, value: Any) -> bool:
        """Whether any of the strings stands anywhere in a JSON value."""
        return any(mark in text for text in _strings([value]) for mark in self.strings)

    def names(self, record: Any) -> bool:
        """Whether a raw record is of one of the entities."""
        return isinstance(record, dict) and record.get("key") in self.keys

    def patterns(self) -> list[bytes]:
        """The strings as files may hold them: as UTF-8, and as JSON writes them in ASCII."""
        forms = {form for mark in self.strings for form in (mark.encode(), _ascii(mark))}
        return sorted(forms)


def _ascii(mark: str) -> bytes:
    return json.dumps(mark)[1:-1].encode()


def _strings(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from (name for name in value if isinstance(name, str))
            yield from _strings(value.values())
        elif isinstance(value, list | tuple):
            yield from _strings(value)
