"""A catalogue that grows by half: going on from the release before, against training anew on all.

    python -m benchmarks.growth [--seeds 3] [--set KEY=VALUE ...] [--keep FOLDER] [--json FILE]

Half of the emoji's groups (of each seed another half) are ingested and trained; the others arrive; one release goes on
from the first, another one of the same seed begins anew. Both are asked for words that no entity has, and compared
query by query, for the groups that were there and for those that came. Equivalent: the interval of the difference lies
within four points.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

import chiasm
from benchmarks.emoji_words import EmojiParts
from benchmarks.rows import Row, paired_bootstrap, print_rows, write_rows

_MARGIN = 0.04

#: Of each part: query to whether each way found it, by seed.
Found = dict[str, dict[int, list[tuple[float, float]]]]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the recipe")
    parser.add_argument("--keep", type=Path, help="folder for the homes, kept afterwards")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    overrides = dict(item.split("=", 1) for item in args.set)
    work = args.keep or Path(tempfile.mkdtemp(prefix="chiasm-growth-"))
    found: Found = {"old": defaultdict(list), "new": defaultdict(list)}
    try:
        emoji = EmojiParts(work)
        for seed in range(args.seeds):
            _grown(emoji, work / f"home-{seed}", seed, overrides, found)
    finally:
        if args.keep is None:
            shutil.rmtree(work, ignore_errors=True)
    rows = [row for part, by_query in found.items() for row in _rows(part, by_query, args.seeds)]
    print_rows(rows)
    write_rows(rows, args.json)


def _grown(emoji: EmojiParts, home: Path, seed: int, overrides: Mapping[str, str], found: Found) -> None:
    group = {one["key"]: one["attributes"]["group"] for one in emoji.records}
    names = sorted(set(group.values()))
    random.Random(seed).shuffle(names)
    first = set(names[: len(names) // 2])
    with chiasm.open(home) as kb:

        def train(parent: str | None) -> tuple[str, np.ndarray]:
            kb.train(seed=seed, overrides=overrides, parent=parent, promote="force").wait()
            hits, by = emoji.found(kb)
            print(f"seed {seed}: {by}, from {parent or 'nothing'}: hit@10 {hits.mean():.3f}", flush=True)
            return by, hits.astype(float)

        def ingest(name: str, *, there: bool) -> None:
            some = [one for one in emoji.records if (group[one["key"]] in first) == there]
            kb.ingest(emoji.manifest(f"{name}-{seed}", some)).wait()

        ingest("old", there=True)
        begun, _ = train(None)
        ingest("new", there=False)
        _, onward = train(begun)
        _, anew = train(None)
    for number, query in enumerate(emoji.queries):
        groups = {group[key] for key in query["expect"]}
        # Words of groups on both sides are of neither.
        part = "old" if groups <= first else "new" if not groups & first else None
        if part is not None:
            found[part][number].append((onward[number], anew[number]))


def _rows(part: str, by_query: Mapping[int, Sequence[tuple[float, float]]], seeds: int) -> Iterator[Row]:
    onward, anew = (
        np.array([np.mean([pair[side] for pair in some]) for some in by_query.values()]) for side in (0, 1)
    )
    gain, spread = paired_bootstrap(onward, anew)
    about = f"{seeds} seeds, {len(by_query)} queries"
    yield Row(f"growth_{part}_hit10", float(onward.mean()), baseline=about, n=seeds)
    yield Row(f"growth_{part}_hit10_anew", float(anew.mean()), baseline=about, n=seeds)
    yield Row(f"growth_{part}_gain", gain, "difference", "training anew on all", spread=spread, n=seeds)
    # Both ends of the interval within the margin.
    farthest = max(map(abs, spread))
    yield Row(f"growth_{part}_farthest", farthest, "difference", about, f"<= {_MARGIN}", spread, seeds)


if __name__ == "__main__":
    main()
