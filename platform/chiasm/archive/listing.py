"""A tape whose files are listed, and the manifest at its end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from chiasm.archive import layout
from chiasm.archive.tape import CHUNK_BYTES, TapeWriter

__all__ = ["ListedTape"]


class ListedTape:
    """Adds files and keeps the list of them in a file: there may be millions.

    Args:
        stream: Where the tape goes.
        members: Empty file for the list, open for writing and reading.
        header: What a reader must know first; also part of the manifest.
    """

    def __init__(self, stream: BinaryIO, members: BinaryIO, header: dict[str, Any]) -> None:
        #: Rows by table, and files by folder.
        self.tables: Counter[str] = Counter()
        self.files: Counter[str] = Counter()
        self._parts: Counter[str] = Counter()
        self._header = header
        self._writer = TapeWriter(stream)
        self._members = members
        self._add_bytes(layout.HEADER, _json(header))

    def add(self, name: str, size: int, chunks: Iterator[bytes]) -> str:
        """Write a file; its SHA-256."""
        sha256 = self._writer.add(name, size, chunks)
        self._members.write(json.dumps([name, size, sha256]).encode() + b"\n")
        return sha256

    def add_rows(self, table: str, rows: int, data: bytes) -> None:
        """Write the next part of a table."""
        self._parts[table] += 1
        self._add_bytes(layout.table_member(table, self._parts[table]), data)
        self.tables[table] += rows

    def close(self) -> None:
        """Write list, manifest and seal, and the mark of the end."""
        size = self._members.tell()
        self._members.seek(0)
        chunks = iter(lambda: self._members.read(CHUNK_BYTES), b"")
        listed = self._writer.add(layout.MEMBERS, size, chunks)
        manifest = {
            **self._header,
            "tables": dict(self.tables),
            "files": dict(self.files),
            "members": {"bytes": size, "sha256": listed},
        }
        text = _json(manifest)
        # In the form of sha256sum, which can check it.
        seal = f"{self._writer.add(layout.MANIFEST, len(text), iter([text]))}  {layout.MANIFEST}\n".encode()
        self._writer.add(layout.SEAL, len(seal), iter([seal]))
        self._writer.end()

    def _add_bytes(self, name: str, data: bytes) -> None:
        self.add(name, len(data), iter([data]))


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"
