"""The hands of a runner."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from chiasm.catalog import Catalog
from chiasm.settings import load_settings
from chiasm_migrations.upgrade import upgrade_schema
from chiasm_workers import runner


def test_a_runner_that_cannot_read_any_more_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(tmp_path / "home")
    catalog = Catalog.open(settings)
    upgrade_schema(catalog.engine)

    def claim(*arguments: object, in_order: bool | None = None, **options: object) -> list[object]:
        if in_order:
            raise RuntimeError("broken hand")
        return []

    monkeypatch.setattr(runner, "claim", claim)
    ours, theirs = socket.socketpair()
    ended: list[BaseException] = []

    def run() -> None:
        try:
            runner.Runner(settings, "ingest", theirs.fileno()).run()
        except RuntimeError as error:
            ended.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert [str(error) for error in ended] == ["broken hand"]
    # With the ready sign unread the other end would see a reset.
    assert ours.recv(1) == b"r"
    ours.close()
    for line in [one for one in threading.enumerate() if one.name == "line"]:
        line.join(20)
    theirs.close()
    catalog.close()
