"""JSON Lines: a manifest, and a table of triples beside it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from chiasm.archive.entities import GivenEntity
from chiasm.archive.formats.manifest import write_manifest
from chiasm.archive.formats.media import MediaFolder
from chiasm.archive.formats.ntriples import NTriples
from chiasm.archive.watch import Watch

__all__ = ["EdgeTable", "write_jsonl"]


class _Lines:
    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, record: dict[str, Any]) -> None:
        self._file.write(json.dumps(record, ensure_ascii=False) + "\n")


class EdgeTable:
    """A TSV file of edges, which is made with the first one."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self._path = path
        self._stack = stack
        self._file: IO[str] | None = None

    def write(self, head: str, relation: str, tail: str, confidence: float) -> None:
        """Add one."""
        if self._file is None:
            self._file = self._stack.enter_context(self._path.open("w", encoding="utf-8", newline="\n"))
            self._file.write("head\trelation\ttail\tconfidence\n")
        self._file.write("\t".join((_cell(head), _cell(relation), _cell(tail), repr(confidence))) + "\n")


def write_jsonl(
    entities: Iterator[GivenEntity], folder: Path, media: MediaFolder, watch: Watch
) -> Counter[str]:
    """Write `entities.jsonl`, `triples.tsv`, `literals.nt` and `media/`; how many of what."""
    with ExitStack() as stack:
        file = stack.enter_context((folder / "entities.jsonl").open("w", encoding="utf-8", newline="\n"))
        edges = EdgeTable(folder / "triples.tsv", stack)
        literals = NTriples(folder / "literals.nt", stack)
        return write_manifest(entities, _Lines(file), edges, literals, media, watch)


def _cell(text: str) -> str:
    # Quotation marks are characters in tab-separated triples; a key with a tab in it cannot be ingested.
    if "\t" in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text
