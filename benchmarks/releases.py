"""Releases swapped and rolled back under load, by processes that are killed, and built beside a catalogue that changes.

    python -m benchmarks.releases [--swaps 1000] [--entities 5000] [--changes 5000] [--json FILE]

Eight clients in four processes ask entities whose answers by either release are known; another process promotes and
rolls back. Processes of both sorts are ended with SIGKILL at random moments and started again. An answer counts as
mixed if any of its keys or scores is not that of the release it names.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.releasing.clients import K, start
from benchmarks.releasing.made import GROUPS, MadeHome, record
from benchmarks.releasing.mapped import map_retention
from benchmarks.rows import Row, print_rows, write_rows
from chiasm.releases import promote, rollback
from chiasm.search import Part, Query, Searcher

__all__ = ["Swaps", "built_aside", "overhead", "swaps_under_load"]

_QUERIES = 64
_CLIENTS = 8


@dataclass
class Swaps:
    """What happened under load."""

    counts: Counter[str] = field(default_factory=Counter)
    by: Counter[str] = field(default_factory=Counter)
    rollback_s: list[float] = field(default_factory=list)
    promote_s: list[float] = field(default_factory=list)
    #: Of the processor, of a rollback: what it takes on a machine that others do not use.
    rollback_processor_s: list[float] = field(default_factory=list)
    kills: int = 0
    errors: list[str] = field(default_factory=list)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swaps", type=int, default=1000)
    parser.add_argument("--entities", type=int, default=5000)
    parser.add_argument("--changes", type=int, default=5000)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--searches", type=int, default=1000, help="of each side of a pair")
    parser.add_argument("--processes", type=int, default=4, help="of the eight clients")
    parser.add_argument(
        "--kill-every", type=float, default=4.0, metavar="SECONDS", help="longer where starting is slow"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=("built", "swaps", "overhead", "map"),
        help="default all; map trains two releases",
    )
    parser.add_argument(
        "--keep", type=Path, help="folder for the homes of map, kept afterwards and used again"
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    wanted = set(options.only or ("built", "swaps", "overhead", "map"))
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        if wanted - {"map"}:
            rows += _made(Path(name) / "made", wanted, options)
        if "map" in wanted:
            rows += map_retention(options.keep or Path(name))
    print_rows(rows)
    if options.json:
        write_rows(rows, options.json)


def _made(folder: Path, wanted: set[str], options: argparse.Namespace) -> list[Row]:
    folder.mkdir()
    home = MadeHome(folder)
    home.ingest(record(n) for n in range(options.entities))
    home.add_release(0)
    home.work(["train"])
    # The second release, which the swaps go to, is the one that is built while things change.
    rows = _built(home, options.changes, options.entities)
    print_rows(rows)
    if "swaps" in wanted:
        threads = max(1, _CLIENTS // options.processes)
        seen = swaps_under_load(
            home,
            options.swaps,
            processes=options.processes,
            threads=threads,
            kill_every_s=options.kill_every,
        )
        rows += _swapped(seen, options.swaps)
        print_rows(rows)
    if "overhead" in wanted:
        ratio, spread = overhead(home, options.pairs, searches=options.searches)
        # The bound decides: so near to 1 a median alone would be met by chance.
        about = f"bound of the p50 over a fixed release's, median {ratio:.3f}"
        rows.append(Row("swap_overhead", spread[1], "ratio", about, "<= 1.03", spread, options.pairs))
        ratio, spread = following(home, options.pairs, searches=options.searches)
        about = f"likewise of a release that is looked up over one that is held, median {ratio:.3f}"
        rows.append(Row("follow_overhead", spread[1], "ratio", about, "<= 1.03", spread, options.pairs))
    home.close()
    return rows


def _built(home: MadeHome, changes: int, first: int) -> list[Row]:
    found, rounds = built_aside(home, changes, first)
    about = f"{changes} entities written, changed or deleted in {rounds} rounds while r2 was built"
    return [Row(f"built_{name}", value, "entities", about, "<= 0") for name, value in found.items()]


def _swapped(seen: Swaps, swaps: int) -> list[Row]:
    asked = seen.counts["asked"]
    about = f"{asked} searches, {seen.kills} kills, {dict(seen.by)}"
    return [
        Row("failed_queries", seen.counts["failed"], "searches", about, "<= 0", n=swaps),
        Row("mixed_answers", seen.counts["mixed"], "answers", about, "<= 0", n=swaps),
        Row(
            "rollback_s",
            max(seen.rollback_s),
            "s",
            f"slowest; median {median(seen.rollback_s):.3f}",
            "<= 1",
            (min(seen.rollback_s), max(seen.rollback_s)),
            len(seen.rollback_s),
        ),
        Row(
            "rollback_processor_s",
            max(seen.rollback_processor_s),
            "s",
            f"slowest; median {median(seen.rollback_processor_s):.4f}",
            n=len(seen.rollback_processor_s),
        ),
        Row(
            "promote_s",
            max(seen.promote_s),
            "s",
            f"slowest; median {median(seen.promote_s):.3f}",
            n=len(seen.promote_s),
        ),
    ]


def built_aside(home: MadeHome, changes: int, first: int) -> tuple[dict[str, int], int]:
    """How far the second release is from what was acknowledged while it was built and swapped in, and the rounds.

    A third of the changes each are new entities, entities with another text, and deletions.
    """
    name = home.add_release(1)
    share = max(GROUPS, changes // 30)
    rounds: list[int] = []

    def write() -> None:
        # One more after the swap, so that some change falls on either side of it.
        while len(rounds) < 10:
            at = len(rounds) * share
            home.delete(range(first - at - share, first - at))
            home.ingest(
                [
                    *(record(10 * first + n) for n in range(at, at + share)),
                    *(record(n, f"seen again {at}") for n in range(at // 2, at // 2 + share)),
                ]
            )
            rounds.append(at)

    writer = threading.Thread(target=write)
    writer.start()
    while len(rounds) < 2:
        time.sleep(0.05)
    home.work(["train"])
    writer.join()
    home.work()
    active = home.active()
    if active.name != name:
        raise RuntimeError(f"{active.name} answers, not {name}")
    return home.differences(active), len(rounds)


def swaps_under_load(
    home: MadeHome,
    swaps: int,
    *,
    processes: int = 4,
    threads: int = 2,
    kill_every_s: float = 4.0,
    pause_s: float = 0.05,
) -> Swaps:
    """Swap back and forth between r1 and r2 while clients ask; both must be up to date."""
    _tell_truth(home)
    folder, seen = home.folder, Swaps()
    swapped = folder / "swapped.jsonl"
    running: dict[int, subprocess.Popen[bytes]] = {}
    #: Lines that a process found when it began: it has worked once there are more.
    before: dict[int, int] = {}

    def written(number: int) -> int:
        return _lines(swapped if number == 0 else folder / f"read-{number}.jsonl")

    def begin(number: int) -> None:
        before[number] = written(number)
        if number == 0:
            running[0] = start("swap", folder, swapped, "r1", "r2", str(pause_s))
        else:
            more = (str(threads), str(number + 100 * seen.kills))
            running[number] = start("read", folder, folder / f"read-{number}.jsonl", *more)

    generator = random.Random(0)
    try:
        for number in range(1, processes + 1):
            begin(number)
        while not all((folder / f"read-{number}.jsonl").exists() for number in running):
            time.sleep(0.1)
        begin(0)
        while _lines(swapped) < swaps:
            time.sleep(generator.uniform(0.5, 1.5) * kill_every_s)
            if _lines(swapped) >= swaps:
                break
            working = [number for number in running if written(number) > before[number]]
            if not working:
                continue
            # Not one that is still starting: that would prove nothing.
            victim = generator.choice(sorted(working))
            running[victim].send_signal(signal.SIGKILL)
            running[victim].wait()
            seen.kills += 1
            begin(victim)
    finally:
        (folder / "stop").touch()
        for process in running.values():
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
    _count(folder, swapped, processes, seen)
    return seen


def _tell_truth(home: MadeHome) -> None:
    """What each release answers, told by itself alone."""
    from sqlalchemy import select

    from chiasm.catalog.models import Release

    with home.catalog.read() as session:
        releases = {row.name: row.id for row in session.scalars(select(Release))}
    searcher = Searcher(home.settings, home.catalog, home.tools.models)
    keys = sorted(key for key in home.live().values() if key.startswith("obj:"))
    chosen = random.Random(1).sample(keys, min(_QUERIES, len(keys)))
    truth: dict[str, Any] = {}
    for name, release_id in releases.items():
        queries = [Query((Part("entity", key),), k=K) for key in chosen]
        answers = searcher.search_batch(home.workspace_id, queries, release_id=release_id)
        truth[name] = {
            key: [[hit.key, hit.score] for hit in answer.hits]
            for key, answer in zip(chosen, answers, strict=True)
        }
    if truth["r1"] == truth["r2"]:
        raise RuntimeError("both releases answer alike: nothing could be seen of a mixture")
    (home.folder / "truth.json").write_text(json.dumps(truth))


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _count(folder: Path, swapped: Path, processes: int, seen: Swaps) -> None:
    for number in range(1, processes + 1):
        for line in _whole(folder / f"read-{number}.jsonl"):
            seen.counts.update({name: line[name] for name in ("asked", "failed", "mixed")})
            seen.by.update(line["by"])
            if line["error"]:
                seen.errors.append(line["error"])
    for line in _whole(swapped):
        (seen.rollback_s if line["kind"] == "rollback" else seen.promote_s).append(line["s"])
        if line["kind"] == "rollback":
            seen.rollback_processor_s.append(line["processor_s"])


def _whole(path: Path) -> list[dict[str, Any]]:
    """Lines that were written to their end: who wrote the last one may have been killed."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def overhead(home: MadeHome, pairs: int, *, searches: int = 1000) -> tuple[float, tuple[float, float]]:
    """Median over pairs of the p50 with a swap in its midst over the p50 without, and its 95 % interval.

    Both sides of a pair answer mostly by the same release, one pair by the one and the next by the other: the segments
    of one may be older and more scattered, which is no price of swapping.
    """
    searcher, queries = _asking(home, searches)

    def swap() -> None:
        _swap(home)
        for query in queries[: len(queries) // 10]:
            searcher.search(home.workspace_id, query)

    def p50(swapped: bool) -> float:
        if swapped:
            swap()
        times = []
        for number, query in enumerate(queries):
            if swapped and number == len(queries) // 4:
                _swap(home)
            began = time.perf_counter()
            searcher.search(home.workspace_id, query)
            times.append(time.perf_counter() - began)
        return median(times)

    return _paired(p50, pairs, between=swap)


def following(home: MadeHome, pairs: int, *, searches: int = 1000) -> tuple[float, tuple[float, float]]:
    """Likewise of searches that look which release answers over those from a state that is held."""
    searcher, queries = _asking(home, searches)
    held = searcher.state(home.workspace_id)

    def p50(follows: bool) -> float:
        times = []
        for query in queries:
            began = time.perf_counter()
            if follows:
                searcher.search(home.workspace_id, query)
            else:
                searcher.answered_from(held, [query])
            times.append(time.perf_counter() - began)
        return median(times)

    return _paired(p50, pairs)


def _asking(home: MadeHome, searches: int) -> tuple[Searcher, list[Query]]:
    keys = sorted(key for key in home.live().values() if key.startswith("obj:"))[:searches]
    queries = [Query((Part("entity", key),), k=K) for key in keys]
    return Searcher(home.settings, home.catalog, home.tools.models), queries


def _paired(
    p50: Callable[[bool], float], pairs: int, between: Callable[[], None] = lambda: None
) -> tuple[float, tuple[float, float]]:
    for warm in (False, True, True):
        p50(warm)
    ratios = []
    for number in range(pairs):
        between()
        # Each way first as often as the other.
        order = (False, True) if number % 2 else (True, False)
        found = {way: p50(way) for way in order}
        ratios.append(found[True] / found[False])
    draws = np.random.default_rng(0).choice(ratios, size=(2000, len(ratios)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    return float(median(ratios)), (float(low), float(high))


def _swap(home: MadeHome) -> None:
    if home.active().name == "r2":
        rollback(home.catalog, home.workspace_id)
    else:
        promote(home.catalog, home.workspace_id, "r2")


if __name__ == "__main__":
    main()
