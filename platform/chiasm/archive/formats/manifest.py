"""The record of a manifest, and what a manifest has no place for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol

from chiasm.archive.entities import GivenEntity, Statement
from chiasm.archive.formats.media import MediaFolder
from chiasm.archive.formats.ntriples import NTriples
from chiasm.archive.watch import Step, Watch
from chiasm.origins import GIVEN

__all__ = ["EdgeSink", "RecordSink", "write_manifest"]


class RecordSink(Protocol):
    """Takes records."""

    def write(self, record: dict[str, Any]) -> None:
        """Add one."""


class EdgeSink(Protocol):
    """Takes edges of triples files."""

    def write(self, head: str, relation: str, tail: str, confidence: float) -> None:
        """Add one."""


def write_manifest(
    entities: Iterator[GivenEntity],
    records: RecordSink,
    edges: EdgeSink,
    literals: NTriples,
    media: MediaFolder,
    watch: Watch,
) -> Counter[str]:
    """Write entities as records; how many of what.

    What a triples file brought goes into one again, as the record of an entity does not own it. So do the
    statements about a stub: a record of its own would make it an entity.
    """
    counts: Counter[str] = Counter()
    for number, entity in enumerate(entities, start=1):
        own: list[Statement] = []
        for statement in entity.statements:
            if statement.origin not in GIVEN:
                counts["left_out"] += 1
                continue
            counts["relations"] += 1
            loose = entity.stub or statement.origin == "table"
            if statement.object is not None and loose:
                edges.write(entity.key, statement.predicate, statement.object, statement.confidence)
            elif entity.stub:
                literals.literal(entity.key, statement.predicate, statement.value)
            else:
                own.append(statement)
        counts["stubs" if entity.stub else "entities"] += 1
        if not entity.stub:
            record = _record(entity, own, media, counts)
            records.write(record)
        watch(Step("entities", number))
    return counts


def _record(
    entity: GivenEntity, own: list[Statement], media: MediaFolder, counts: Counter[str]
) -> dict[str, Any]:
    record: dict[str, Any] = {"key": entity.key, "domain": entity.domain, "title": entity.title}
    record["text"] = [
        _filled({"value": text.value, "lang": text.lang, "role": text.role}) for text in entity.texts
    ]
    counts["texts"] += len(entity.texts)
    for medium in entity.media:
        path = media.save(medium)
        if path is None:
            counts["left_out"] += 1
            continue
        counts["media"] += 1
        about = _filled({"path": path, "role": medium.role, "lang": medium.lang})
        record.setdefault(medium.modality, []).append(about)
    record["attributes"] = entity.attributes
    record["relations"] = [_relation(statement) for statement in own]
    return {name: value for name, value in record.items() if value not in (None, [], {})}


def _relation(statement: Statement) -> dict[str, Any]:
    end = {"object": statement.object} if statement.object is not None else {"value": statement.value}
    sure = {} if statement.confidence == 1.0 else {"confidence": statement.confidence}
    return {"predicate": statement.predicate, **end, **sure}


def _filled(about: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in about.items() if value is not None}
