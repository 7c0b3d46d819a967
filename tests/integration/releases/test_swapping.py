"""Swaps and rollbacks under load, with processes that are killed: each answer is one release's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.releases import built_aside, swaps_under_load
from benchmarks.releasing.made import MadeHome, record

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_swaps_under_load(tmp_path: Path) -> None:
    home = MadeHome(tmp_path)
    home.ingest(record(n) for n in range(300))
    home.add_release(0)
    home.work(["train"])
    found, rounds = built_aside(home, 150, 300)
    assert found == {"lost": 0, "phantom": 0, "stale": 0} and rounds
    # A client that was killed needs some seconds to be back: the others ask meanwhile.
    seen = swaps_under_load(home, 60, processes=3, kill_every_s=8.0, pause_s=0.1)
    assert seen.counts["failed"] == 0, seen.errors[:3]
    assert seen.counts["mixed"] == 0
    assert seen.counts["asked"] and set(seen.by) == {"r1", "r2"}
    assert len(seen.rollback_s) + len(seen.promote_s) >= 60
    assert max(seen.rollback_s) < 5
    home.close()
