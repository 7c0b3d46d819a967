"""Rows of a source, checked and read, in batches that fit one transaction and little memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from chiasm.errors import ChiasmError
from chiasm.ingest.failures import FailedPart
from chiasm.ingest.prepare import prepare
from chiasm.ingest.records import parse_record
from chiasm.ingest.rows import Edge, Label, Row
from chiasm.ingest.sources import MediaSource
from chiasm.ingest.task import ReadTask
from chiasm.ingest.write import Batch
from chiasm.ingest.write.batch import DEFAULT_DOMAIN

__all__ = ["Gathered", "gather"]

#: A write transaction should stay under 50 ms or so: others wait for it on SQLite.
_MAX_RECORDS = 1000
_MAX_EDGES = 5000
_MAX_MEDIA_BYTES = 32 * 2**20
#: Larger raw records are replayed from their line in the source.
_MAX_RAW_BYTES = 1 << 16


@dataclass
class Gathered:
    """A batch, what failed beside it, and how far it reaches."""

    batch: Batch
    failed: list[FailedPart] = field(default_factory=list)
    line: int = 0
    offset: int = 0
    media_bytes: int = 0

    @property
    def full(self) -> bool:
        """Whether it should be written now."""
        records = len(self.batch.records) + len(self.failed)
        edges = len(self.batch.labels) + len(self.batch.edges)
        return records >= _MAX_RECORDS or edges >= _MAX_EDGES or self.media_bytes >= _MAX_MEDIA_BYTES


def gather(task: ReadTask, rows: Iterable[Row], source: MediaSource) -> Iterator[Gathered]:
    """Batches of the rows; a bad row becomes a failure and spoils no other."""
    gathered = _empty(task)
    edges = gathered.batch.edges
    # Where the row before ended: a line that cannot be parsed is replayed from there.
    line = before = 0
    for row in rows:
        content = row[1]
        if isinstance(content, Edge):
            # Large graphs are nothing else.
            edges.append(content)
            full = len(edges) >= _MAX_EDGES
        else:
            _add(gathered, task, row, content, before, source)
            full = gathered.full
        line, before = row[0], row[2]
        if full:
            gathered.line, gathered.offset = line, before
            yield gathered
            gathered = _empty(task)
            edges, line = gathered.batch.edges, 0
    if line:
        gathered.line, gathered.offset = line, before
        yield gathered


def _empty(task: ReadTask) -> Gathered:
    return Gathered(Batch(domain=task.domain or DEFAULT_DOMAIN))


def _add(
    gathered: Gathered,
    task: ReadTask,
    row: Row,
    content: dict[str, Any] | Label | ChiasmError,
    before: int,
    source: MediaSource,
) -> None:
    if isinstance(content, Label):
        gathered.batch.labels.append(content)
        return
    where = f"{task.name}/{row.file}" if row.file else f"{task.name}:{row.line}"
    if isinstance(content, ChiasmError):
        gathered.failed.append(
            FailedPart(_placed(content, where), where, None, _replay(task, row, None, before))
        )
    else:
        _add_record(gathered, task, row, content, where, before, source)


def _add_record(
    gathered: Gathered,
    task: ReadTask,
    row: Row,
    raw: dict[str, Any],
    where: str,
    before: int,
    source: MediaSource,
) -> None:
    try:
        record = parse_record(raw)
    except ChiasmError as error:
        failed = FailedPart(_placed(error, where), where, _shown_key(raw), _replay(task, row, raw, before))
        gathered.failed.append(failed)
        return
    if record.domain is None and task.domain is not None:
        record = record._replace(domain=task.domain)
    prepared = prepare(record, source, where=where, raw=raw, line=row.line, mode=task.mode)
    gathered.batch.records.append(prepared)
    gathered.media_bytes += sum(item.size_bytes for items in prepared.media.values() for item in items)
    for _, reason in prepared.broken:
        again = _replay(task, row, raw, before)
        gathered.failed.append(FailedPart(_placed(reason, where), where, record.key, again))


def _placed(error: ChiasmError, where: str) -> ChiasmError:
    what = f"{error.what} ({error.where})" if error.where else error.what
    return type(error)(what, where=where, remedy=error.remedy)


def _replay(task: ReadTask, row: Row, raw: dict[str, Any] | None, before: int) -> dict[str, Any]:
    """A unit that reads this row again: the raw record, or its line in the source if it is none or large."""
    again = None
    if raw is not None:
        try:
            text = json.dumps(raw, allow_nan=False)
            if len(text) <= _MAX_RAW_BYTES:
                again = replace(task, path=None, records=({"line": row.line, "data": json.loads(text)},))
        except (TypeError, ValueError, RecursionError):
            # Not JSON (a date out of Parquet): read from its line.
            again = None
    if again is None or task.path is None:
        again = again or replace(task, only_line=row.line, only_offset=before)
    return {"kind": "read", "payload": again.to_payload()}


def _shown_key(raw: dict[str, Any]) -> str | None:
    key = raw.get("key")
    if not isinstance(key, str):
        return None
    return key[:512].replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def source_of(task: ReadTask, *, blobs: Any, allow_urls: bool) -> MediaSource:
    """What the task's records may read."""
    root = None if task.root is None else Path(task.root)
    return MediaSource(root, blobs=blobs if task.uploaded else None, allow_urls=allow_urls)
