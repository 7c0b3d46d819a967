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
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import chiasm
from benchmarks.emoji_words import EmojiParts
from benchmarks.rows import Row, paired_bootstrap, print_rows, write_rows
from benchmarks.serving.beat import running_beat

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
    emoji = EmojiParts(work)
    keys = [one["key"] for one in emoji.records]
    new = set(random.Random(0).sample(keys, -(-len(keys) // 10)))
    about_new = np.array([bool(new & set(one["expect"])) for one in emoji.queries])
    home = work / "home"

    def ingest(name: str, records: Sequence[Mapping[str, Any]]) -> None:
        kb.ingest(emoji.manifest(name, records)).wait()

    with chiasm.open(home) as kb:
        ingest("old", [one for one in emoji.records if one["key"] not in new])
        first = kb.train(overrides=overrides).wait().result
        _say(f"{first['release']} {first['state']}")
        kb.schedules.add(_NAME, when_new=0.1, overrides=dict(overrides))
        with running_beat(home):
            arriving = time.monotonic()
            ingest("new", [one for one in emoji.records if one["key"] in new])
            before, by = emoji.found(kb)
            if by != first["release"]:
                raise SystemExit(
                    f"{by} answers already: what it finds of the new emoji was to be seen before"
                )
            run = _ended(kb, 1)
            took_min = (time.monotonic() - arriving) / 60
            _say(f"by itself: {run['release']} {run['outcome']}, for {run['cause']}")
            after, by = emoji.found(kb)
            _say(f"{by} answers; {_gate(kb.releases.show(run['release']))}")
            preview = kb.releases.preview(by, against=first["release"])
            _say(f"preview: churn {preview['churn']}, {len(preview['changed'])} changed queries")
            ingest("poisoned", _poisoned(emoji.records))
            kb.schedules.run(_NAME).wait()
            last = _ended(kb, 2)
            poisoned = kb.releases.show(last["release"])
            _say(f"poisoned: {last['release']} {last['outcome']}; {_gate(poisoned)}")
            still = kb.releases.show()["release"]
    return [
        Row("retrained_promoted", float(by == run["release"] != first["release"]), "", target=">= 1"),
        Row("retrained_after_min", took_min, "min", "from the first of the new emoji on"),
        *_compared("new", before[about_new], after[about_new]),
        *_compared("old", before[~about_new], after[~about_new]),
        Row("poisoned_kept_out", float(still == by and poisoned["state"] == "candidate"), "", target=">= 1"),
    ]


def _poisoned(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each emoji keeps its key and picture and has what is said of another one."""
    others = list(records)
    random.Random(0).shuffle(others)
    return [
        {**one, **{name: other[name] for name in _LABELS if name in other}}
        for one, other in zip(records, others, strict=True)
    ]


def _compared(name: str, before: np.ndarray, after: np.ndarray) -> Iterator[Row]:
    gain, spread = paired_bootstrap(after, before)
    yield Row(f"{name}_hit10_before", float(before.mean()), n=len(before))
    yield Row(f"{name}_hit10", float(after.mean()), n=len(after))
    target = ">= 0" if name == "new" else ""
    yield Row(f"{name}_hit10_gain", gain, "difference", "the release before", target, spread, len(after))


def _gate(release: Mapping[str, Any]) -> str:
    gate = release["gate"]
    return f"gate: {gate.get('reasons') or 'passed'}; {json.dumps(gate.get('compared', []))[:2000]}"


def _ended(kb: Any, count: int) -> dict[str, Any]:
    """The schedule's newest run, when it is the one of this number and has ended."""
    end = time.monotonic() + _LONGEST_S
    while time.monotonic() < end:
        runs: list[dict[str, Any]] = kb.schedules.history(_NAME)
        if len(runs) >= count and runs[0]["finished_at"]:
            return runs[0]
        time.sleep(1.0)
    raise SystemExit(f"the schedule's run {count} did not end within {_LONGEST_S:.0f} s")


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
