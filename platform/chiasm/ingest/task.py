"""What a read unit is asked to do, as its JSON payload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chiasm.errors import ManifestError, UsageError
from chiasm.ingest.readers import detect
from chiasm.ingest.rows import Row

__all__ = ["MODES", "ReadTask"]

MODES = ("update", "replace")


@dataclass(frozen=True)
class ReadTask:
    """One source, one line of it, or some records."""

    #: File or folder to read; None: `records`.
    path: str | None = None
    #: Records to replay: `{"line": 3, "data": {...}}`.
    records: tuple[dict[str, Any], ...] = ()
    #: Folder that media paths are relative to and must stay in; None: nothing but uploads.
    root: str | None = None
    #: Name of the source in messages.
    name: str = ""
    #: Domain of records that name none.
    domain: str | None = None
    mode: str = "update"
    #: Whether it may only be triples.
    triples: bool = False
    #: Whether records may name uploads; only `submit_records` writes such sources.
    uploaded: bool = False
    #: Line to read alone, and the offset before it.
    only_line: int | None = None
    only_offset: int = 0

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> ReadTask:
        """The task of a unit."""
        return cls(**{**payload, "records": tuple(payload.get("records", ()))})

    def to_payload(self) -> dict[str, Any]:
        """The unit's payload: what differs from the defaults."""
        return {name: value for name, value in asdict(self).items() if value != getattr(ReadTask, name, None)}

    def rows(self, cursor: Mapping[str, Any]) -> Iterator[Row]:
        """The rows behind the cursor.

        Raises:
            ManifestError: The source has no form that is read, or is no triples file where one is asked for.
            NotFoundError: It is gone.
        """
        line, offset = int(cursor.get("line", 0)), int(cursor.get("offset", 0))
        if self.path is None:
            yield from (Row(one["line"], one["data"]) for one in self.records[line:])
            return
        path = Path(self.path)
        read = self._form(path).load()
        if self.only_line is None:
            yield from read(path, line=line, offset=offset)
            return
        first = next(read(path, line=self.only_line - 1, offset=self.only_offset), None)
        if first is not None and first.line == self.only_line:
            yield first

    def check(self) -> None:
        """Raise at once what reading would raise for the source as a whole."""
        if self.mode not in MODES:
            raise UsageError(f"no such mode: {self.mode!r}", where="mode", remedy=f"use {' or '.join(MODES)}")
        if self.path is not None:
            self._form(Path(self.path))

    def total(self) -> int | None:
        """How many rows there are, where that is cheap to know."""
        if self.path is None:
            return len(self.records)
        if self.only_line is not None:
            return 1
        path = Path(self.path)
        form = self._form(path).name
        if form in {"jsonl", "table", "triples"} and path.suffix.lower() in {
            ".jsonl",
            ".ndjson",
            ".csv",
            ".tsv",
        }:
            from chiasm.ingest.readers.lines import count_lines

            return count_lines(path)
        if path.suffix.lower() == ".parquet":
            from chiasm.ingest.readers.parquet import count_parquet

            return count_parquet(path)
        return None

    def _form(self, path: Path) -> Any:
        form = detect(path)
        if self.triples and form.name not in {"triples", "rdf", "graphml", "node-link"}:
            raise ManifestError(
                f"no triples but a {form.name} manifest", where=path.name, remedy="hand it in as a manifest"
            )
        return form
