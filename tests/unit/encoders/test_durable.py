"""A file is the old one or the new one, whatever happens in between."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from chiasm_encoders import durable
from chiasm_encoders.durable import write_whole


def test_folders_are_made_and_content_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two" and [one.name for one in path.parent.iterdir()] == ["file"]


def test_no_room_leaves_the_old_content_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "file"
    write_whole(path, b"old")
    monkeypatch.setattr(durable.os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_whole(path, b"new")
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old" and [one.name for one in tmp_path.iterdir()] == ["file"]
