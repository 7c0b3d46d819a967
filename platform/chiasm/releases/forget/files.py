"""Uploads and logs in the home that hold what is to be forgotten."""

from __future__ import annotations

import hashlib
import json
import mmap
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from chiasm.releases.forget.marks import Marks
from chiasm.settings import Settings

__all__ = ["clear_files"]

_LINES = {".jsonl", ".ndjson"}
#: Cannot be searched as bytes.
_PACKED = {".gz", ".zst", ".parquet"}


def clear_files(
    settings: Settings, marks: Marks, open_paths: Collection[str]
) -> tuple[Counter[str], list[str]]:
    """How many upload files and log lines were cleared, and what had to stay.

    Lines are overwritten in place with blanks, which readers pass over: line numbers and offsets, by which jobs
    that are not done find their place, stay as they are.

    Args:
        settings: The home.
        marks: What to look for.
        open_paths: Sources that units still have to read.
    """
    counts: Counter[str] = Counter()
    remaining: list[str] = []
    patterns = marks.patterns()
    for path in sorted((settings.home.resolve() / "uploads").rglob("*")):
        if path.is_file() and not path.is_symlink():
            _clear_upload(path, marks, patterns, open_paths, counts, remaining)
    for log in sorted(settings.queue_dir.glob("*.log*")):
        counts["log_lines"] += _blank_lines(log, lambda line: any(one in line for one in patterns))
    return counts, remaining


def _clear_upload(
    path: Path,
    marks: Marks,
    patterns: Iterable[bytes],
    open_paths: Collection[str],
    counts: Counter[str],
    remaining: list[str],
) -> None:
    if _sha256(path) in marks.media:
        path.unlink()
        counts["uploads"] += 1
        return
    if path.suffix.lower() in _LINES:
        counts["upload_lines"] += _blank_lines(path, lambda line: _is_of(line, marks, patterns))
        return
    packed = path.suffix.lower() in _PACKED
    if not packed and not _holds(path, patterns):
        return
    if any(path == Path(one) or path.is_relative_to(one) for one in open_paths):
        remaining.append("an upload that a job still has to read may bring it back: cancel the job")
        return
    path.unlink()
    counts["uploads"] += 1


def _is_of(line: bytes, marks: Marks, patterns: Iterable[bytes]) -> bool:
    try:
        return marks.names(json.loads(line))
    except (ValueError, RecursionError):
        return any(one in line for one in patterns)


def _blank_lines(path: Path, wanted: Callable[[bytes], bool]) -> int:
    count = at = 0
    with path.open("r+b") as file:
        while line := file.readline():
            if line.strip() and wanted(line):
                file.seek(at)
                file.write(b" " * len(line.rstrip(b"\r\n")))
                file.seek(at + len(line))
                count += 1
            at += len(line)
    return count


def _holds(path: Path, patterns: Iterable[bytes]) -> bool:
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(one) >= 0 for one in patterns)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
