"""A tar file written and read as a stream, of plain files only, a piece at a time.

The framing is read here and not by `tarfile`, which takes whatever extended header a stranger's file claims
to have into memory, and reads a damaged header as the end of the archive.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from chiasm.errors import DamagedError, InputError

__all__ = ["CHUNK_BYTES", "Member", "TapeWriter", "read_tape", "tape_source", "tape_target"]

CHUNK_BYTES = 1 << 20
_BLOCK = 512
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
#: Beyond it a size stands in the base-256 form that GNU tar brought in.
_USTAR_SIZE = 8 * 2**30
_REMEDY = "use another backup; nothing of this one was taken over"


class Member(NamedTuple):
    """A file on the tape: its name, its size, and its bytes, to be taken before the next member."""

    name: str
    size: int
    chunks: Iterator[bytes]


class TapeWriter:
    """Adds files to a stream.

    Args:
        stream: Open for writing.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def add(self, name: str, size: int, chunks: Iterable[bytes]) -> str:
        """Write a file; the SHA-256 of what was written.

        Raises:
            DamagedError: It has more or fewer bytes than announced.
        """
        self._stream.write(_header(name, size))
        digest, written = hashlib.sha256(), 0
        for chunk in chunks:
            written += len(chunk)
            digest.update(chunk)
            self._stream.write(chunk)
        if written != size:
            raise DamagedError(
                f"it has {written} bytes instead of {size}",
                where=name,
                remedy="run `chiasm doctor`, then the backup again",
            )
        self._stream.write(bytes(-size % _BLOCK))
        return digest.hexdigest()

    def end(self) -> None:
        """Write the mark of the end."""
        self._stream.write(bytes(2 * _BLOCK))


def read_tape(stream: BinaryIO, where: str) -> Iterator[Member]:
    """The files in order; those not taken are passed over.

    Args:
        stream: What `tape_source` gave.
        where: The file's name, for errors.

    Raises:
        DamagedError: The tape ends early or a header does not match its checksum.
        InputError: Something else than a plain file is on it.
    """
    last = "its beginning"
    while True:
        head = _read(stream, _BLOCK, f"{where}: after {last}")
        if not any(head):
            if any(_read(stream, _BLOCK, f"{where}: after {last}")):
                raise DamagedError(
                    "there is something behind the end", where=f"{where}: after {last}", remedy=_REMEDY
                )
            return
        name, size = _parsed(head, f"{where}: after {last}")
        place = f"{where}: {name}"
        chunks = _content(stream, size, place)
        yield Member(name, size, chunks)
        for _ in chunks:
            pass
        if any(_read(stream, -size % _BLOCK, place)):
            raise DamagedError("there is something between two files", where=place, remedy=_REMEDY)
        last = name


@contextmanager
def tape_target(file: Path) -> Iterator[BinaryIO]:
    """A stream to a new file, packed if its name ends in `.gz`, `.tgz` or `.zst`."""
    with ExitStack() as stack:
        raw = stack.enter_context(file.open("xb"))
        if file.suffix in {".gz", ".tgz"}:
            yield cast(BinaryIO, stack.enter_context(gzip.GzipFile(fileobj=raw, mode="wb", mtime=0)))
        elif file.suffix == ".zst":
            import pyarrow

            yield stack.enter_context(pyarrow.CompressedOutputStream(raw, "zstd"))
        else:
            yield raw


@contextmanager
def tape_source(file: Path) -> Iterator[BinaryIO]:
    """A stream from a file, unpacked by what its first bytes say."""
    with file.open("rb") as raw:
        start = raw.read(4)
        raw.seek(0)
        if start.startswith(_GZIP):
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield cast(BinaryIO, unpacked)
        elif start == _ZSTD:
            import pyarrow

            with pyarrow.CompressedInputStream(raw, "zstd") as unpacked:
                yield unpacked
        else:
            yield raw


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    try:
        if size < _USTAR_SIZE:
            head = info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
        else:
            head = info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")
    except ValueError as error:
        raise InputError(
            f"a file cannot be part of a backup: {error}", where=name, remedy="give it a shorter name"
        ) from error
    if len(head) != _BLOCK:
        raise InputError("a file of over 8 GiB has too long a name", where=name, remedy="shorten its name")
    return head


def _parsed(head: bytes, where: str) -> tuple[str, int]:
    try:
        info = tarfile.TarInfo.frombuf(head, "utf-8", "strict")
    except (tarfile.HeaderError, ValueError) as error:
        raise DamagedError(f"not a tar header: {error}"[:200], where=where, remedy=_REMEDY) from error
    if info.type not in tarfile.REGULAR_TYPES or info.size < 0:
        raise InputError(
            f"{info.name[:200]!r} is no plain file (type {info.type!r})",
            where=where,
            remedy="restore only what `chiasm backup` wrote",
        )
    return info.name, info.size


def _content(stream: BinaryIO, size: int, where: str) -> Iterator[bytes]:
    left = size
    while left:
        chunk = _some(stream, min(left, CHUNK_BYTES), where)
        if not chunk:
            raise DamagedError(
                f"the backup ends {left} bytes before the file does", where=where, remedy=_REMEDY
            )
        left -= len(chunk)
        yield chunk


def _read(stream: BinaryIO, size: int, where: str) -> bytes:
    parts, left = [], size
    while left:
        part = _some(stream, left, where)
        if not part:
            raise DamagedError("the backup ends here, too early", where=where, remedy=_REMEDY)
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _some(stream: Any, size: int, where: str) -> bytes:
    try:
        return bytes(stream.read(size))
    except (EOFError, OSError, zlib.error) as error:
        raise DamagedError(f"it cannot be unpacked: {error}"[:300], where=where, remedy=_REMEDY) from error
