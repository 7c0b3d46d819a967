"""`kill -9` of whoever builds a release, in each phase: it goes on where it was, and ends as if nothing had been."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from benchmarks.releasing.made import MadeHome, record

from chiasm import jobs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

#: Works, and is killed at the moment at which the phase begins.
_DIES = """
import os, signal, sys, time
from pathlib import Path
from benchmarks.releasing.made import MadeHome
from chiasm.jobs import WorkContext

beat = WorkContext.beat

def dies(self, done=None, total=None, stage=None):
    if stage == sys.argv[2] and done in (None, int(sys.argv[3])):
        os.kill(os.getpid(), signal.SIGKILL)
    return beat(self, done, total, stage)

WorkContext.beat = dies
home = MadeHome(Path(sys.argv[1]), new=False)
while home.active().name == "r1":
    # A unit that lost several workers rests for a while.
    home.work(["train"])
    time.sleep(0.1)
"""
#: Stage, and how far it is: fusing twice, the second time after a batch was committed.
PHASES = [("fusing", 0), ("fusing", 2000), ("timing both releases", 20), ("swap", 0)]


def test_killed_in_every_phase_of_a_build(tmp_path: Path) -> None:
    home = MadeHome(tmp_path)
    home.ingest(record(n) for n in range(2100))
    home.add_release(0)
    home.work(["train"])
    home.add_release(1, promote="gate", gate={"latency": {"ratio": None}})
    for number, (phase, done) in enumerate(PHASES):
        child = subprocess.run(
            [sys.executable, "-c", _DIES, str(tmp_path), phase, str(done)], check=False, capture_output=True
        )
        assert child.returncode == -signal.SIGKILL, (phase, child.stderr[-2000:])
        assert home.active().name == "r1"
        jobs.sweep(home.catalog, owners=["benchmark"])
        # Meanwhile the catalogue goes on.
        home.ingest([record(n, f"after the kill in {phase}") for n in range(number, 40 + number)])
        home.delete([100 + number])
    until = time.monotonic() + 120
    while home.active().name == "r1":
        assert time.monotonic() < until
        home.work(["train", "ingest"])
        time.sleep(0.1)
    home.work()
    assert home.differences(home.active()) == {"lost": 0, "phantom": 0, "stale": 0}
    home.close()
