"""A catalogue that grows retrains itself, and one that was poisoned does not go live: emoji, end to end.

    python -m benchmarks.retraining [--set KEY=VALUE ...] [--keep FOLDER] [--json FILE]

Nine tenths of the emoji are ingested and trained. A schedule waits for a tenth of new entities, watched by a beat in a
process of its own. The rest arrives; nobody asks for anything. Words that no entity has are asked before and after: for
the new emoji, which the first release embeds but has not learned from, and for the old ones. At last names, texts and
edges go to other emoji, and the schedule's job is asked for again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import chiasm
from benchmarks.rows import Row, paired_bootstrap, print_rows, write_rows
from benchmarks.shared_data import read_lines, shared_data

__all__ = ["manifest", "reciprocal_ranks", "say"]

_NAME = "fresh"
_LONGEST_S = 3600.0
#: What goes to another emoji when the catalogue is poisoned.
_LABELS = ("title", "text", "relations")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the recipe")
    parser.add_argument("--keep", type=Path, help="folder for the home, kept afterwards")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    work = args.keep or Path(tempfile.mkdtemp(prefix="chiasm-retraining-"))
    try:
        rows = _measured(work, dict(item.split("=", 1) for item in args.set))
    finally:
        if args.keep is None:
            shutil.rmtree(work, ignore_errors=True)
    print_rows(rows)
    write_rows(rows, args.json)


def _measured(work: Path, overrides: Mapping[str, str]) -> list[Row]:
    emoji = shared_data() / "emoji"
    records = read_lines(emoji / "emoji.jsonl")
    new = set(random.Random(0).sample([one["key"] for one in records], -(-len(records) // 10)))
    queries = read_lines(emoji / "queries-text.jsonl")
    about_new = np.array([bool(new & set(one["expect"])) for one in queries])
    shutil.copytree(emoji / "png", work / "png", dirs_exist_ok=True)
    home = work / "home"
    with chiasm.open(home) as kb:
        kb.ingest(manifest(work / "old.jsonl", [one for one in records if one["key"] not in new])).wait()
        first = kb.train(overrides=overrides).wait().result
        say(f"{first['release']} {first['state']}")
        kb.schedules.add(_NAME, when_new=0.1, overrides=dict(overrides))
        with _beat(home):
            kb.ingest(manifest(work / "new.jsonl", [one for one in records if one["key"] in new])).wait()
            before, by = reciprocal_ranks(kb, queries)
            if by != first["release"]:
                raise SystemExit(
                    f"{by} answers already: what it finds of the new emoji was to be seen before"
                )
            arrived = time.time()
            run = _ended(kb, 1)
            took_min = (time.time() - arrived) / 60
            say(f"by itself: {run['release']} {run['outcome']}, for {run['cause']}")
            after, by = reciprocal_ranks(kb, queries)
            retrained = kb.releases.show(run["release"])
            say(f"{by} answers; {_gate(retrained)}")
            preview = kb.releases.preview(by, against=first["release"])
            say(f"preview: churn {preview['churn']}, {len(preview['changed'])} changed queries")
            kb.ingest(manifest(work / "poisoned.jsonl", _poisoned(records))).wait()
            kb.schedules.run(_NAME).wait()
            last = _ended(kb, 2)
            poisoned = kb.releases.show(last["release"])
            say(f"poisoned: {last['release']} {last['outcome']}; {_gate(poisoned)}")
            still = kb.releases.show()["release"]
    return [
        Row("retrained_promoted", float(by == run["release"] != first["release"]), "", target=">= 1"),
        Row("retrained_after_min", took_min, "min", "from the arrival of a tenth of new emoji"),
        *_compared("new", before[about_new], after[about_new]),
        *_compared("old", before[~about_new], after[~about_new]),
        Row("poisoned_kept_out", float(still == by and poisoned["state"] == "candidate"), "", target=">= 1"),
    ]


def manifest(path: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    """Write a manifest beside its media."""
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), encoding="utf-8")
    return path


def _poisoned(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each emoji keeps its key and picture and has what is said of another one."""
    others = list(records)
    random.Random(0).shuffle(others)
    return [
        {**one, **{name: other[name] for name in _LABELS if name in other}}
        for one, other in zip(records, others, strict=True)
    ]


def reciprocal_ranks(kb: Any, queries: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, str]:
    """1 / rank of the first expected hit among ten, 0 where there is none, (queries,); the release that answered."""
    found, releases = [], set()
    for query in queries:
        hits = kb.search(text=query["text"], into="emoji", k=10)
        releases.add(hits.release)
        expected = set(query["expect"])
        found.append(next((1.0 / hit.rank for hit in hits if hit.key in expected), 0.0))
    if len(releases) != 1:
        raise SystemExit(f"several releases answered: {sorted(releases)}")
    return np.array(found), releases.pop()


def _compared(name: str, before: np.ndarray, after: np.ndarray) -> Iterator[Row]:
    gain, spread = paired_bootstrap(after > 0, before > 0)
    yield Row(f"{name}_hit10_before", float((before > 0).mean()), n=len(before))
    yield Row(f"{name}_hit10", float((after > 0).mean()), n=len(after))
    target = ">= 0" if name == "new" else ""
    yield Row(f"{name}_hit10_gain", gain, "difference", "the release before", target, spread, len(after))


def _gate(release: Mapping[str, Any]) -> str:
    gate = release["gate"]
    return f"gate: {gate.get('reasons') or 'passed'}; {json.dumps(gate.get('compared', []))[:2000]}"


@contextmanager
def _beat(home: Path) -> Iterator[None]:
    with (home / "beat.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "chiasm_workers", "beat", "--home", str(home)],
            env={name: value for name, value in os.environ.items() if not name.startswith("CHIASM_")},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _ended(kb: Any, count: int) -> dict[str, Any]:
    """The schedule's newest run, when it is the one of this number and has ended."""
    end = time.monotonic() + _LONGEST_S
    while time.monotonic() < end:
        runs: list[dict[str, Any]] = kb.schedules.history(_NAME)
        if len(runs) >= count and runs[0]["finished_at"]:
            return runs[0]
        time.sleep(1.0)
    raise SystemExit(f"the schedule's run {count} did not end within {_LONGEST_S:.0f} s")


def say(line: str) -> None:
    """Tell whoever waits."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
