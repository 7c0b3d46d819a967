"""Processes that search and processes that swap, to be killed at any moment."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["reader_main", "start", "swapper_main"]

K = 10
_PARENT = os.getppid()


def start(role: str, home: Path, out: Path, *more: str) -> subprocess.Popen[bytes]:
    """A process of this module in a role."""
    command = [sys.executable, "-m", "benchmarks.releasing.clients", role, str(home), str(out), *more]
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})


def reader_main(folder: Path, out: Path, threads: int, seed: int) -> None:
    """Ask known queries until the file `stop` is there; each answer must be that of the release that it names.

    Every thread writes lines of `{"asked", "failed", "mixed", "by": {release: n}, "error"}`.
    """
    from benchmarks.releasing.made import MadeHome
    from chiasm.search import Searcher

    home = MadeHome(folder, new=False)
    truth: dict[str, dict[str, list[list[Any]]]] = json.loads((folder / "truth.json").read_text())
    searcher = Searcher(home.settings, home.catalog, home.tools.models)
    # As `/readyz` of a service: whoever is sent searches has what it needs.
    searcher.warm(home.workspace_id)

    def ask(number: int) -> None:
        generator = random.Random(f"{seed} {number}")
        keys = sorted(next(iter(truth.values())))
        while not _over(folder):
            counts = _some(searcher, home.workspace_id, truth, [generator.choice(keys) for _ in range(50)])
            with lock, out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(counts) + "\n")

    lock = threading.Lock()
    workers = [threading.Thread(target=ask, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def _over(folder: Path) -> bool:
    """Whether it is enough, or nobody waits any more."""
    return (folder / "stop").exists() or os.getppid() != _PARENT


def _some(searcher: Any, workspace_id: int, truth: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    from chiasm.search import Part, Query

    counts: dict[str, Any] = {"asked": 0, "failed": 0, "mixed": 0, "by": {}, "error": None}
    for key in keys:
        counts["asked"] += 1
        try:
            result = searcher.search(workspace_id, Query((Part("entity", key),), k=K))
        except Exception as error:  # noqa: BLE001 - counted: none may fail
            counts["failed"] += 1
            counts["error"] = f"{type(error).__name__}: {error}"
            continue
        counts["by"][result.release] = counts["by"].get(result.release, 0) + 1
        given = [[hit.key, hit.score] for hit in result.hits]
        right = truth[result.release][key]
        same = len(given) == len(right) and all(
            ours[0] == theirs[0] and abs(ours[1] - theirs[1]) < 1e-6
            for ours, theirs in zip(given, right, strict=True)
        )
        counts["mixed"] += not same
    return counts


def swapper_main(folder: Path, out: Path, first: str, second: str, pause_s: float) -> None:
    """Promote and roll back in turn until `stop` is there; a line with the seconds of each."""
    from benchmarks.releasing.made import MadeHome
    from chiasm.errors import ConflictError, NotFoundError
    from chiasm.releases import promote, rollback

    home = MadeHome(folder, new=False)
    generator = random.Random(os.getpid())
    # What is imported when first needed is none of a swap's time.
    with suppress(NotFoundError, ConflictError):
        promote(home.catalog, home.workspace_id, "r0")
    while not _over(folder):
        active = home.active().name
        began, worked = time.perf_counter(), time.process_time()
        # Whichever was killed in between: what is active now decides what comes next.
        if active == second and generator.random() < 0.9:
            rollback(home.catalog, home.workspace_id)
            kind = "rollback"
        else:
            promote(home.catalog, home.workspace_id, first if active == second else second)
            kind = "promote"
        taken, worked = time.perf_counter() - began, time.process_time() - worked
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, "s": taken, "processor_s": worked}) + "\n")
        time.sleep(generator.uniform(0, 2 * pause_s))


if __name__ == "__main__":
    role, folder, out, *more = sys.argv[1:]
    if role == "read":
        reader_main(Path(folder), Path(out), int(more[0]), int(more[1]))
    else:
        swapper_main(Path(folder), Path(out), more[0], more[1], float(more[2]))
