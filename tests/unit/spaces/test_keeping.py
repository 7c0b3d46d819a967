"""Collections wait for those who copy, and the other way round."""

from __future__ import annotations

import threading
from pathlib import Path

from chiasm.spaces import collecting, kept


def test_many_may_keep_and_nobody_collects(tmp_path: Path) -> None:
    with kept(tmp_path / "spaces"), kept(tmp_path / "spaces"), collecting(tmp_path / "spaces") as free:
        assert not free
    with collecting(tmp_path / "spaces") as free:
        assert free


def test_who_keeps_waits_for_a_collection(tmp_path: Path) -> None:
    order: list[str] = []

    def keep() -> None:
        with kept(tmp_path):
            order.append("kept")

    with collecting(tmp_path) as free:
        assert free
        waiting = threading.Thread(target=keep)
        waiting.start()
        waiting.join(0.2)
        order.append("collected")
    waiting.join(10)
    assert order == ["collected", "kept"]
