"""The manifest's record, checked field by field."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from chiasm.errors import ManifestError
from chiasm.ingest.values import checked_json, checked_name, checked_text
from chiasm.origins import ORIGINS, TABLE

__all__ = [
    "FIELDS",
    "MediaItem",
    "Record",
    "Relation",
    "TextItem",
    "checked_confidence",
    "checked_origin",
    "parse_record",
]

T = TypeVar("T")

FIELDS = ("key", "domain", "title", "text", "image", "audio", "attributes", "relations")
#: Beside what is stored: the revision that the writer has seen.
_KNOWN = frozenset({*FIELDS, "if_revision"})
_TEXT_FIELDS = frozenset({"value", "lang", "role"})
_MEDIA_FIELDS = frozenset({"path", "role", "lang"})
_RELATION_FIELDS = frozenset({"predicate", "object", "value", "confidence"})


class TextItem(NamedTuple):
    """One text of an entity."""

    value: str
    lang: str | None = None
    role: str | None = None


class MediaItem(NamedTuple):
    """One picture or sound of an entity, by its path as written."""

    path: str
    lang: str | None = None
    role: str | None = None


class Relation(NamedTuple):
    """An edge to another entity, by its key, or to a literal value."""

    predicate: str
    object: str | None = None
    value: Any = None
    confidence: float = 1.0


class Record(NamedTuple):
    """One entity as a source names it; a field that is None was absent."""

    key: str
    domain: str | None = None
    title: str | None = None
    text: tuple[TextItem, ...] | None = None
    image: tuple[MediaItem, ...] | None = None
    audio: tuple[MediaItem, ...] | None = None
    attributes: dict[str, Any] | None = None
    relations: tuple[Relation, ...] | None = None
    #: Written only if the entity still has this revision; 0: only if there is none.
    if_revision: int | None = None


def parse_record(data: Any) -> Record:
    """The record of a JSON object.

    Raises:
        ManifestError: A field is unknown, missing or malformed; `where` is the caller's to add.
    """
    if not isinstance(data, dict):
        raise ManifestError("a record must be a JSON object", remedy='write {"key": ...}')
    _only(data, _KNOWN, "field")
    if "key" not in data:
        raise ManifestError("the field 'key' is missing", remedy="give each record a key of its own")
    # null means absent, as in a table's empty cell.
    given = data.get
    return Record(
        checked_name(data["key"], "key"),
        _maybe(given("domain"), lambda v: checked_name(v, "domain")),
        _maybe(given("title"), lambda v: checked_text(v, "title").strip()),
        _maybe(given("text"), _texts),
        _maybe(given("image"), lambda v: _media(v, "image")),
        _maybe(given("audio"), lambda v: _media(v, "audio")),
        _maybe(given("attributes"), _attributes),
        _maybe(given("relations"), _relations),
        _maybe(given("if_revision"), _revision),
    )


def _maybe(value: Any, parse: Callable[[Any], T]) -> T | None:
    return None if value is None else parse(value)


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else (value,)


def _texts(value: Any) -> tuple[TextItem, ...]:
    items = [_text(part) for part in _listed(value)]
    # A blank text says nothing; it is no error, as tables are full of them.
    return tuple(item for item in items if item.value)


def _text(part: Any) -> TextItem:
    if not isinstance(part, dict):
        return TextItem(checked_text(part, "text").strip())
    _only(part, _TEXT_FIELDS, "field of a text")
    if "value" not in part:
        raise ManifestError("a text has no 'value'", remedy='write {"value": ..., "lang": "en"}')
    return TextItem(checked_text(part["value"], "text").strip(), *_about(part, "text"))


def _media(value: Any, field: str) -> tuple[MediaItem, ...]:
    return tuple(_medium(part, field) for part in _listed(value))


def _medium(part: Any, field: str) -> MediaItem:
    if isinstance(part, dict):
        _only(part, _MEDIA_FIELDS, f"field of {field}")
        if "path" not in part:
            raise ManifestError(f"{field} has no 'path'", remedy='write {"path": ..., "role": "photo"}')
        return MediaItem(_path(part["path"], field), *_about(part, field))
    return MediaItem(_path(part, field))


def _path(value: Any, field: str) -> str:
    path = checked_text(value, f"path of {field}")
    if not path.strip():
        raise ManifestError(f"a path of {field} is blank", remedy="name a file, or leave the field out")
    return path


def _about(part: dict[str, Any], field: str) -> tuple[str | None, str | None]:
    lang, role = part.get("lang"), part.get("role")
    return (
        None if lang is None else checked_name(lang, f"lang of {field}"),
        None if role is None else checked_name(role, f"role of {field}"),
    )


def _attributes(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ManifestError("attributes must be an object", remedy='write {"year": 1900, ...}')
    checked: dict[str, Any] = checked_json(value, "attributes")
    return checked


def _revision(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ManifestError(
            f"if_revision {str(value)[:40]!r} is no revision",
            remedy="write the revision that you have seen, or 0 for an entity that is not there yet",
        )
    return value


def _relations(value: Any) -> tuple[Relation, ...]:
    return tuple(_relation(part) for part in _listed(value))


def _relation(part: Any) -> Relation:
    if not isinstance(part, dict):
        raise ManifestError("a relation must be an object", remedy='write {"predicate": ..., "object": ...}')
    _only(part, _RELATION_FIELDS, "field of a relation")
    if "predicate" not in part or ("object" in part) == ("value" in part):
        raise ManifestError(
            "a relation needs 'predicate' and either 'object' (a key) or 'value'",
            remedy='write {"predicate": "part_of", "object": "museum:1"}',
        )
    predicate = checked_name(part["predicate"], "predicate")
    certain = checked_confidence(part.get("confidence", 1.0))
    if "object" in part:
        return Relation(predicate, checked_name(part["object"], "object of a relation"), None, certain)
    value = checked_json(part["value"], "value of a relation")
    if value is None:
        raise ManifestError("the value of a relation is null", remedy="leave the relation out")
    return Relation(predicate, None, value, certain)


def checked_confidence(value: Any) -> float:
    """A confidence from 0 to 1.

    Raises:
        ManifestError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise ManifestError(f"confidence {str(value)[:40]!r} is not a number from 0 to 1", remedy="write 0.9")
    return float(value)


def checked_origin(value: Any) -> str | None:
    """Where a statement comes from; None for a table, as of statements that say nothing.

    Raises:
        ManifestError: It is none that is known.
    """
    if value not in ORIGINS:
        raise ManifestError(
            f"origin {str(value)[:40]!r} is not known", remedy=f"use {', '.join(ORIGINS)}, or leave it out"
        )
    return None if value == TABLE else str(value)


def _only(data: dict[str, Any], known: frozenset[str], what: str) -> None:
    if not data.keys() <= known:
        name = min(str(name) for name in data.keys() - known)
        raise ManifestError(f"unknown {what} {name[:80]!r}", remedy=f"known are {', '.join(sorted(known))}")
