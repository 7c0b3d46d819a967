"""Files that are filled in place."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from chiasm.fusion import checkpoints
from chiasm.fusion.checkpoints import mapped_file


def refusing(number: int):
    def refuse(*arguments: int) -> None:
        raise OSError(number, "refused")

    return refuse


def test_no_room_leaves_nothing_and_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints.os, "posix_fallocate", refusing(errno.ENOSPC))
    with pytest.raises(OSError, match="refused") as caught:
        mapped_file(tmp_path / "a.npy", (3, 4), np.uint8)
    assert caught.value.filename == str(tmp_path / "a.npy") and not list(tmp_path.iterdir())


def test_a_file_system_that_reserves_nothing_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints.os, "posix_fallocate", refusing(errno.EOPNOTSUPP))
    made = mapped_file(tmp_path / "a.npy", (3, 4), np.uint8)
    made[:] = 2
    made.flush()
    assert (np.load(tmp_path / "a.npy") == 2).all()
