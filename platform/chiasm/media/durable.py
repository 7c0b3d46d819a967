"""Files that are whole or not there, and stay when power fails."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chiasm_encoders.durable import replace_file, sync_folder

__all__ = ["write_durably"]

#: A disk commits what many threads wait for together.
_THREADS = 16


def write_durably(files: Mapping[Path, bytes], root: Path) -> None:
    """Write files aside, sync, rename, sync their folders up to `root`: a file is all there or not."""
    if not files:
        return
    with ThreadPoolExecutor(min(_THREADS, len(files))) as pool:
        list(pool.map(_write, files, files.values()))
        folders = {folder for path in files for folder in path.parents if folder.is_relative_to(root)}
        list(pool.map(sync_folder, folders))


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Several processes may write the same content at once.
    replace_file(path, data, path.with_name(f".{uuid.uuid4().hex}.part"))
