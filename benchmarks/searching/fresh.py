"""What only a process of its own shows: time from its start to the first answer, and resident memory.

python -m benchmarks.searching.fresh HOME CORPUS QUERIES
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

__all__ = ["cold_open_s", "resident_bytes"]

_ROOT = Path(__file__).resolve().parents[2]


def cold_open_s(home: Path, corpus: Path) -> float:
    """Seconds from the start of a Python process to its first answer by vector, imports included."""
    return _run(home, corpus, 1)[0]


def resident_bytes(home: Path, corpus: Path, queries: int) -> tuple[int, int]:
    """Resident memory of a process after so many queries, with the pages of mapped files and without."""
    return _run(home, corpus, queries)[1]


def _run(home: Path, corpus: Path, queries: int) -> tuple[float, tuple[int, int]]:
    command = [sys.executable, "-m", "benchmarks.searching.fresh", str(home), str(corpus), str(queries)]
    # As installed: with byte code, which the settings of some containers forbid to keep for a checkout.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=_ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        # The line comes with the last answer; how long the process takes to end does not count.
        line = process.stdout.readline()
        taken = time.perf_counter() - began
    if process.returncode or not line:
        raise SystemExit(f"{' '.join(command)} failed")
    resident, own = map(int, line.split())
    return taken, (resident, own)


def main() -> None:
    """Open, ask, print resident bytes, and those that no file backs."""
    home, corpus, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    import chiasm

    queries = np.load(corpus / "queries.npy", mmap_mode="r")
    with chiasm.open(home) as kb:
        for query in queries[:count]:
            if not kb.search(vector=np.asarray(query), k=10):
                sys.exit("no hits")
        _, resident, shared, *_ = map(int, Path("/proc/self/statm").read_text(encoding="ascii").split())
        page = os.sysconf("SC_PAGE_SIZE")
        print(resident * page, (resident - shared) * page, flush=True)


if __name__ == "__main__":
    main()
