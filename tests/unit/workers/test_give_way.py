"""Work gives way to searches: niceness of the runner and of its session."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import os, pathlib, sys
from chiasm_workers.threads import give_way
os.nice(int(sys.argv[1]))
give_way(int(sys.argv[2]))
group = pathlib.Path("/proc/self/autogroup")
print(os.nice(0), group.read_text().split()[-1] if group.exists() else "none")
"""


@pytest.mark.parametrize(("had", "asked", "then"), [(0, 10, 10), (0, 0, 0), (12, 10, 12)])
def test_a_runner_is_as_nice_as_asked_and_never_less_so_than_before(had: int, asked: int, then: int) -> None:
    said = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(had), str(asked)],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
    ).stdout.split()
    assert int(said[0]) == then
    if Path("/proc/self/autogroup").exists():
        assert said[1] == (str(asked) if asked > had else "0")
