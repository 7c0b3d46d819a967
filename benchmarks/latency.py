"""Time of one embedded search, in process: by entity and by text, on the emoji catalogue.

    python -m benchmarks.latency [--home HOME] [--queries N] [--json FILE]

Without `--home` a home is made, filled and given a release trained for one epoch only: how long a query takes
does not depend on how well the release was trained. Every query is another one, so that nothing is answered from
a cache; the first ones, which load models and open spaces, are not counted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import chiasm
from benchmarks.rows import Row, print_rows, write_rows
from benchmarks.shared_data import read_lines, shared_data

_WARM = 20
#: One short round of everything; the widths stay those of the recipe.
_QUICK = {"training.epochs": "1", "encoders.image.student.max_steps": "60"}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="home that holds the emoji catalogue already")
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.home is not None:
        rows = _measured(args.home, args.queries)
    else:
        with tempfile.TemporaryDirectory() as folder:
            rows = _measured(_filled(Path(folder) / "home"), args.queries)
    print_rows(rows)
    write_rows(rows, args.json)


def _filled(home: Path) -> Path:
    with chiasm.open(home) as kb:
        kb.ingest(shared_data() / "emoji" / "emoji.jsonl").wait()
        kb.train(recipe="offline", seed=0, overrides=_QUICK, promote="force").wait()
    return home


def _measured(home: Path, queries: int) -> list[Row]:
    records = read_lines(shared_data() / "emoji" / "emoji.jsonl")
    keys = [record["key"] for record in records]
    # Texts that no asset equals.
    texts = [f"a picture of {record['title']}" for record in records]
    with chiasm.open(home) as kb:
        asks: dict[str, tuple[Sequence[str], Callable[[str], Any], float | None]] = {
            "p50_entity_ms": (keys, lambda key: kb.search(entity=key, k=10), 3),
            "p50_entity_into_ms": (keys, lambda key: kb.search(entity=key, into="emoji", k=10), None),
            "p50_entity_where_ms": (
                keys,
                lambda key: kb.search(entity=key, where="version >= 5 and exists(image)", k=10),
                None,
            ),
            "p50_entity_explain_ms": (keys, lambda key: kb.search(entity=key, k=10, explain=True), None),
            "p50_text_ms": (texts, lambda text: kb.search(text=text, k=10), 15),
        }
        return [
            _row(name, *_timed(values, ask, queries), target) for name, (values, ask, target) in asks.items()
        ]


def _timed(values: Sequence[str], ask: Callable[[str], Any], queries: int) -> tuple[np.ndarray, str]:
    """Milliseconds of each query, and who answered."""
    release = ""
    taken = []
    for n, value in enumerate(values[: _WARM + queries]):
        began = time.perf_counter()
        hits = ask(value)
        if n >= _WARM:
            taken.append((time.perf_counter() - began) * 1000.0)
        release = str(hits.release)
    return np.array(taken), release


def _row(name: str, taken: np.ndarray, release: str, target: float | None) -> Row:
    low, high = np.quantile(taken, (0.05, 0.95))
    return Row(
        name,
        float(np.median(taken)),
        unit="ms",
        baseline=f"answered by {release}; 5th to 95th percentile beside it",
        target=f"<= {target:g}" if target is not None else "",
        spread=(float(low), float(high)),
        n=len(taken),
    )


if __name__ == "__main__":
    main()
