"""Parquet: a manifest with the columns of a record, and a table of triples beside it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from chiasm.archive.entities import GivenEntity
from chiasm.archive.formats.manifest import write_manifest
from chiasm.archive.formats.media import MediaFolder
from chiasm.archive.formats.ntriples import NTriples
from chiasm.archive.watch import Watch

__all__ = ["write_parquet"]

_ROWS = 1000


def write_parquet(
    entities: Iterator[GivenEntity], folder: Path, media: MediaFolder, watch: Watch
) -> Counter[str]:
    """Write `entities.parquet`, `triples.parquet`, `literals.nt` and `media/`; how many of what."""
    with ExitStack() as stack:
        records = _Rows(folder / "entities.parquet", _record_schema(), stack)
        records.open()
        edges = _Edges(_Rows(folder / "triples.parquet", _edge_schema(), stack))
        literals = NTriples(folder / "literals.nt", stack)
        return write_manifest(entities, _Records(records), edges, literals, media, watch)


class _Rows:
    """Rows that are written a group at a time; the file is made with the first group."""

    def __init__(self, path: Path, schema: Any, stack: ExitStack) -> None:
        self._path = path
        self._schema = schema
        self._stack = stack
        self._writer: Any = None
        self._rows: list[dict[str, Any]] = []

    def open(self) -> None:
        from pyarrow import parquet

        if self._writer is None:
            self._writer = parquet.ParquetWriter(self._path, self._schema, compression="zstd")
            self._stack.callback(self._writer.close)
            self._stack.callback(self._flush)

    def add(self, row: dict[str, Any]) -> None:
        self.open()
        self._rows.append(row)
        if len(self._rows) >= _ROWS:
            self._flush()

    def _flush(self) -> None:
        import pyarrow

        if self._rows:
            self._writer.write_table(pyarrow.Table.from_pylist(self._rows, schema=self._schema))
            self._rows.clear()


class _Records:
    def __init__(self, rows: _Rows) -> None:
        self._rows = rows

    def write(self, record: dict[str, Any]) -> None:
        # Each entity has attributes of its own: a column cannot have all their types, JSON can.
        packed = {name: json.dumps(record[name], ensure_ascii=False) for name in _PACKED if name in record}
        self._rows.add({**record, **packed})


class _Edges:
    def __init__(self, rows: _Rows) -> None:
        self._rows = rows

    def write(self, head: str, relation: str, tail: str, confidence: float) -> None:
        self._rows.add({"head": head, "relation": relation, "tail": tail, "confidence": confidence})


_PACKED = ("attributes", "relations")


def _record_schema() -> Any:
    import pyarrow as pa

    text = pa.list_(pa.struct([("value", pa.string()), ("lang", pa.string()), ("role", pa.string())]))
    medium = pa.list_(pa.struct([("path", pa.string()), ("role", pa.string()), ("lang", pa.string())]))
    plain = [(name, pa.string()) for name in ("key", "domain", "title")]
    packed = [(name, pa.string()) for name in _PACKED]
    return pa.schema([*plain, ("text", text), ("image", medium), ("audio", medium), *packed])


def _edge_schema() -> Any:
    import pyarrow as pa

    names = [(name, pa.string()) for name in ("head", "relation", "tail")]
    return pa.schema([*names, ("confidence", pa.float64())])
