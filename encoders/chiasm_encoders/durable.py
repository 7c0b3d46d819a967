"""Files that are whole or not there, and stay when power fails."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["replace_file", "sync_folder", "write_whole"]


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, and its folder if need be, so that a reader sees the old one or the new one, also after a power loss.

    Raises:
        OSError: It cannot be written, with its name; nothing of it stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content, path.with_name(path.name + ".tmp"))
    sync_folder(path.parent)


def replace_file(path: Path, content: bytes, aside: Path) -> None:
    """Write aside, sync, rename; the new name lasts once `sync_folder` was called.

    Raises:
        OSError: As `write_whole`.
    """
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        # What is there of it would only take more room; and a write does not know its file's name.
        aside.unlink(missing_ok=True)
        error.filename = error.filename or str(path)
        raise


def sync_folder(folder: Path) -> None:
    """Make renames and new names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
