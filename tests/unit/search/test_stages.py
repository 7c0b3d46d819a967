"""Where the time of a query goes, and when it must end."""

from __future__ import annotations

import time

import pytest

from chiasm.errors import TimedOutError
from chiasm.search.stages import Watch, count, stage, watched


def test_stages_and_counts_add_up() -> None:
    with watched(Watch()) as watch:
        for _ in range(2):
            with stage("rank"):
                time.sleep(0.002)
            count("candidates", 5)
    assert set(watch.seconds) == {"rank"} and watch.seconds["rank"] >= 0.004
    assert watch.counts == {"candidates": 10}


def test_nobody_listens() -> None:
    with stage("rank"):
        count("candidates")


def test_no_stage_begins_after_the_deadline() -> None:
    with watched(Watch(time.monotonic() - 1)), pytest.raises(TimedOutError), stage("rank"):
        raise AssertionError("begun")
