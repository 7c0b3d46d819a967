"""Lines of text files, plain or packed, with numbers and offsets; one bad line spoils no other."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from chiasm.errors import ManifestError

__all__ = ["PACKED", "Line", "count_lines", "open_bytes", "read_lines", "read_whole", "short_lines"]

#: Endings of files that are unpacked while they are read.
PACKED = frozenset({".gz", ".zst"})
_MAX_LINE_BYTES = 16 * 2**20
#: Of a file that must be held in memory as a whole.
_MAX_WHOLE_BYTES = 256 * 2**20
_BOM = b"\xef\xbb\xbf"
_CHUNK = 1 << 20


class Line(NamedTuple):
    """A line's number from 1, its text or what is wrong with it, and the offset behind it."""

    number: int
    text: str | ManifestError
    offset: int


def open_bytes(path: Path) -> BinaryIO:
    """The file's bytes, unpacked if its name ends in `.gz` or `.zst`."""
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return cast(BinaryIO, gzip.open(path))
    if suffix == ".zst":
        import pyarrow

        stream = pyarrow.CompressedInputStream(pyarrow.OSFile(str(path)), "zstd")
        return cast(BinaryIO, io.BufferedReader(stream, _CHUNK))
    return path.open("rb")


def read_lines(path: Path, *, line: int = 0, offset: int = 0) -> Iterator[Line]:
    """Lines that are not blank, after the first `line` ones."""
    number, at = line, offset
    with open_bytes(path) as file:
        if offset and path.suffix.lower() not in PACKED:
            file.seek(offset)
        else:
            number, at = 0, 0
        while True:
            try:
                raw = file.readline(_MAX_LINE_BYTES + 1)
            except (EOFError, OSError, zlib.error) as error:
                yield Line(
                    number + 1, ManifestError(f"the file is damaged: {error}", remedy="write it again"), at
                )
                return
            if not raw:
                return
            number += 1
            at += len(raw)
            too_long = len(raw) > _MAX_LINE_BYTES
            if too_long:
                at += _skip_line(file)
            if number <= line or not raw.strip():
                continue
            yield Line(number, _text(raw, number, too_long), at)


def short_lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines with their ends, blank ones too; what is packed may hold one that fills the memory.

    Raises:
        OSError: A line is longer than any record may be.
    """
    while raw := file.readline(_MAX_LINE_BYTES + 1):
        if len(raw) > _MAX_LINE_BYTES:
            raise OSError("a line is longer than 16 MiB")
        yield raw


def read_whole(path: Path) -> bytes:
    """All of a file that can only be read as one, unpacked.

    Raises:
        ValueError: It is far too large for that.
    """
    with open_bytes(path) as file:
        data = file.read(_MAX_WHOLE_BYTES + 1)
    if len(data) > _MAX_WHOLE_BYTES:
        raise ValueError(f"more than {_MAX_WHOLE_BYTES >> 20} MiB unpacked, and it must be read as one")
    return data


def count_lines(path: Path) -> int:
    """How many lines there are; 0 where counting would cost as much as reading."""
    if path.suffix.lower() in PACKED:
        return 0
    count, last = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            count += chunk.count(b"\n")
            last = chunk
    return count + (bool(last) and not last.endswith(b"\n"))


def _skip_line(file: BinaryIO) -> int:
    skipped = 0
    while chunk := file.readline(_CHUNK):
        skipped += len(chunk)
        if chunk.endswith(b"\n"):
            break
    return skipped


def _text(raw: bytes, number: int, too_long: bool) -> str | ManifestError:
    if too_long:
        return ManifestError("the line is longer than 16 MiB", remedy="name large media by path")
    if number == 1:
        raw = raw.removeprefix(_BOM)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        return ManifestError(
            f"byte {error.start + 1} of the line is not UTF-8", remedy="save the file as UTF-8"
        )
