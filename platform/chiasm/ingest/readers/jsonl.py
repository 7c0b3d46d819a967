"""JSON Lines: one record a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from chiasm.errors import ManifestError
from chiasm.ingest.readers.lines import read_lines
from chiasm.ingest.rows import Row
from chiasm.ingest.values import parse_json

__all__ = ["read_jsonl"]


def read_jsonl(path: Path, *, line: int = 0, offset: int = 0) -> Iterator[Row]:
    """Raw records of a `.jsonl`, `.jsonl.gz` or `.jsonl.zst` file."""
    for number, text, at in read_lines(path, line=line, offset=offset):
        if isinstance(text, ManifestError):
            yield Row(number, text, at)
            continue
        try:
            data = parse_json(text)
            if not isinstance(data, dict):
                raise ManifestError("the line is not a JSON object", remedy='write {"key": ...}')
        except ManifestError as error:
            yield Row(number, error, at)
        else:
            yield Row(number, data, at)
