"""The mark on a folder that a run finished: whose run it was, and a checksum of each file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from chiasm_encoders.durable import write_whole

__all__ = ["drop_mark", "is_finished", "write_mark"]

_MARK = "finished.json"
_CHECKPOINT = "checkpoint.safetensors"


def write_mark(out: Path, run: str) -> None:
    """Mark the folder, last of all: what it holds now is what the run made."""
    content = {"run": run, "files": _sums(out)}
    write_whole(out / _MARK, json.dumps({**content, "sha256": _seal(content)}, indent=1).encode())


def drop_mark(out: Path) -> None:
    """Take the mark away before the first file is changed."""
    (out / _MARK).unlink(missing_ok=True)


def is_finished(out: Path, run: str) -> bool:
    """Whether the folder holds, undamaged, what this very run would make."""
    try:
        found = json.loads((out / _MARK).read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError):
        return False
    content = {"run": run, "files": _sums(out)}
    return bool(found == {**content, "sha256": _seal(content)})


def _sums(out: Path) -> dict[str, str]:
    kept = [path for path in out.rglob("*") if path.is_file() and path.name not in (_MARK, _CHECKPOINT)]
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(kept)
    }


def _seal(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
