"""Readers of several processes while data comes in, goes out and is merged: the short form of a benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.steady import run_steady

pytestmark = pytest.mark.slow


def test_no_errors_and_every_process_follows(tmp_path: Path) -> None:
    found = run_steady(tmp_path / "home", seconds=30, entities=500, processes=2)
    assert found.errors == []
    assert found.batches >= 1 and len(found.fresh_s) == 2 * found.batches
    assert found.quiet_s and found.busy_s
