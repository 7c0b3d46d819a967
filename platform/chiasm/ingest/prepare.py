"""A record with its media read and hashed: everything that needs no SQL."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from chiasm.errors import ChiasmError
from chiasm.ingest.records import MediaItem, Record
from chiasm.ingest.sources import MediaSource

__all__ = ["Content", "Prepared", "literal_ref", "prepare", "text_content"]


@dataclass(slots=True)
class Content:
    """One asset as it will be stored."""

    sha256: str
    value: str | None
    media_type: str | None
    size_bytes: int
    lang: str | None
    role: str | None
    source: str | None
    position: int = 0
    #: Bytes of a medium until they are in the blob store.
    data: bytes | None = None


@dataclass(slots=True)
class Prepared:
    """A record whose media have been read."""

    record: Record
    #: `file:line` it came from, and the raw record, for failures.
    where: str
    raw: dict[str, Any]
    line: int
    record_hash: str = ""
    #: Pictures and sounds by modality; a modality that was absent is not there.
    media: dict[str, list[Content]] = field(default_factory=dict)
    #: Media that could not be had: modality and error. What the entity has of that modality stays.
    broken: list[tuple[str, ChiasmError]] = field(default_factory=list)


def prepare(
    record: Record, source: MediaSource, *, where: str, raw: dict[str, Any], line: int, mode: str
) -> Prepared:
    """The record with its media read and its hash computed.

    Args:
        record: A checked record, its domain filled in.
        source: Reads its media.
        where: File and line.
        raw: What stood there.
        line: Line alone.
        mode: update or replace; part of the hash, as they mean different things by the same record.
    """
    done = Prepared(record, where, raw, line)
    for modality, items in (("image", record.image), ("audio", record.audio)):
        if items is not None:
            done.media[modality] = list(_media(items, modality, source, done))
    done.record_hash = _hash(record, done, mode)
    return done


def text_content(value: str, lang: str | None, role: str | None) -> Content:
    """A text as an asset."""
    encoded = value.encode()
    return Content(hashlib.sha256(encoded).hexdigest(), value, "text/plain", len(encoded), lang, role, None)


def literal_ref(value: Any) -> str:
    """Identity of a literal object in a triple."""
    return "l:" + hashlib.sha256(_canonical(value)).hexdigest()


def _media(
    items: Iterable[MediaItem], modality: str, source: MediaSource, done: Prepared
) -> Iterable[Content]:
    seen: set[str] = set()
    for position, item in enumerate(items):
        try:
            medium = source.load(item.path, modality)
        except ChiasmError as error:
            done.broken.append((modality, error))
            continue
        if medium.sha256 in seen:
            continue
        seen.add(medium.sha256)
        yield Content(
            medium.sha256,
            None,
            medium.mime,
            len(medium.data),
            item.lang,
            item.role,
            item.path,
            position,
            medium.data,
        )


def _hash(record: Record, done: Prepared, mode: str) -> str:
    # A medium counts by its content: another file under the same name is a change, a renamed file is one too.
    media = {
        modality: [(item.sha256, item.lang, item.role, item.source) for item in items]
        for modality, items in done.media.items()
    }
    # What the writer had seen is no part of what is written.
    parts = record._replace(image=None, audio=None)[:-1]
    return hashlib.sha256(_canonical([mode, parts, media])).hexdigest()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
