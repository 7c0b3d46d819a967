"""Rows about our side alone: recall, time, bytes, cold open, growth."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.rows import Row
from benchmarks.searching.corpus import Corpus
from benchmarks.searching.fresh import cold_open_s, resident_bytes
from benchmarks.searching.home import Filled, fill_home, home_bytes
from benchmarks.searching.marks import MARKS
from benchmarks.searching.measure import paired_ratio, recall, singles
from benchmarks.searching.ours import Ours

__all__ = ["alone_rows", "growth_rows", "in_turns", "ms_row"]

_WARM = 20
_MAX_S = 6.0
_OPENINGS = 5
#: Entities of the home whose process's memory is taken off: code, not vectors.
_TINY = 200
_RESIDENT_QUERIES = 300
_PAIRS = 100


def alone_rows(ours: Ours, corpus: Corpus, home: Path, filled: Filled) -> Iterator[Row]:
    """Everything that needs no other side."""
    yield Row(
        "rows_in",
        len(corpus) / filled.seconds,
        unit="1/s",
        baseline=f"catalog {filled.catalog_s:.1f} s, vectors and index {filled.vectors_s:.1f} s",
    )
    yield from _recall_rows(ours, corpus)
    yield from _filter_rows(ours, corpus)
    yield from _byte_rows(corpus, home, filled)
    yield from _fresh_rows(corpus, home)


def growth_rows(ours: Ours, corpus: Corpus, other: Ours, small: Corpus) -> list[Row]:
    """Time of a query against that in a smaller home, taken in turns; each has recall rows of its own."""
    large_ms, small_ms = in_turns(
        [lambda n: ours.search(corpus.queries[n]), lambda n: other.search(small.queries[n])], _PAIRS
    )
    value, spread = paired_ratio(large_ms, small_ms)
    found = singles(other.search, small.queries, max_s=_MAX_S).found
    return [
        Row(
            "growth",
            value,
            "ratio",
            f"{len(small)} rows, recall {recall(found, small.truth(None)):.3f} there",
            "<= 3",
            spread,
            _PAIRS,
        )
    ]


def in_turns(asks: Sequence, count: int) -> list[list[float]]:
    """Milliseconds of each side's n-th query, asked one after the other, for n below ``count``."""
    taken: list[list[float]] = [[] for _ in asks]
    for number in range(-_WARM, count):
        for side, ask in enumerate(asks):
            one = singles(lambda _, ask=ask, number=number: ask(number), [None], max_s=0)
            if number >= 0:
                taken[side] += one.ms
    return taken


def ms_row(name: str, ms: Sequence[float], baseline: str = "") -> Row:
    """Median of single queries, 5th to 95th percentile beside it."""
    low, high = np.quantile(ms, (0.05, 0.95))
    return Row(name, float(np.median(ms)), "ms", baseline, spread=(float(low), float(high)), n=len(ms))


def _recall_rows(ours: Ours, corpus: Corpus) -> Iterator[Row]:
    for mark, percent in [(None, 100.0), *MARKS.items()]:
        asked = singles(lambda query, mark=mark: ours.search(query, mark), corpus.queries, max_s=_MAX_S)
        truth = corpus.truth(mark)
        name = "recall" if mark is None else f"recall_filtered_{percent:g}"
        value = recall(asked.found, truth)
        wanted = (truth[: len(asked.found)] >= 0).sum(axis=1)
        full = np.mean([len(found) == want for found, want in zip(asked.found, wanted, strict=True)])
        count = len(asked.found)
        yield Row(name, value, "share", "exact search", ">= 0.99", n=count)
        name = name.removeprefix("recall")
        yield Row(f"full{name}", float(full), "share", "answers of k hits where k exist", ">= 1", n=count)
        yield ms_row(f"p50{name}", asked.ms[_WARM:], f"first of its kind {asked.ms[0]:.1f} ms")


def _filter_rows(ours: Ours, corpus: Corpus) -> list[Row]:
    """The worst selectivity over no filter, query by query in turns."""
    marks: list[str | None] = [None, *MARKS]
    taken = in_turns([lambda n, mark=mark: ours.search(corpus.queries[n], mark) for mark in marks], _PAIRS)
    ratios = {mark: paired_ratio(ms, taken[0]) for mark, ms in zip(marks[1:], taken[1:], strict=True)}
    worst = max(ratios, key=lambda mark: ratios[mark][0])
    value, spread = ratios[worst]
    percent = MARKS[str(worst)]
    slowest = max(statistics.median(ms) for ms in taken[1:])
    return [
        Row("filtered_p50_vs_unfiltered", value, "ratio", f"{percent:g} %", "<= 8", spread, _PAIRS),
        Row("filtered_p50_worst", slowest, "ms", "context: 1 ms on the reference machine", n=_PAIRS),
    ]


def _byte_rows(corpus: Corpus, home: Path, filled: Filled) -> list[Row]:
    parts = home_bytes(home)
    count = len(corpus)
    without_block = sum(size for name, size in parts.items() if name != "block")
    kinds = ", ".join(sorted(set(filled.kinds)))
    return [
        Row("bytes_per_vector", parts["index"] / count, "B", f"{kinds}, without the block", "<= 480"),
        Row("home_bytes_per_entity", without_block / count, "B", "all but the feature block", "<= 1000"),
        *(Row(f"home_bytes_{name}", size / count, "B") for name, size in parts.items()),
    ]


def _fresh_rows(corpus: Corpus, home: Path) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        tiny = Path(folder) / "home"
        fill_home(corpus, tiny, _TINY)
        code, own = resident_bytes(tiny, corpus.folder, 1)
        code_s = statistics.median(cold_open_s(tiny, corpus.folder) for _ in range(_OPENINGS))
    resident = [resident_bytes(home, corpus.folder, _RESIDENT_QUERIES) for _ in range(3)]
    each = [(size - code) / len(corpus) for size, _ in resident]
    owned = [(size - own) / len(corpus) for _, size in resident]
    opened = [cold_open_s(home, corpus.folder) for _ in range(_OPENINGS)]
    return [
        Row(
            "resident_bytes_per_vector",
            statistics.median(each),
            "B",
            f"after {_RESIDENT_QUERIES} queries, less a home of {_TINY} entities ({code / 2**20:.0f} MiB)",
            "<= 450",
            (min(each), max(each)),
            len(each),
        ),
        Row(
            "resident_own_bytes_per_vector",
            statistics.median(owned),
            "B",
            "the same without the pages of mapped files, which the system takes back when it needs them",
            "",
            (min(owned), max(owned)),
            len(owned),
        ),
        Row(
            "cold_open_s",
            statistics.median(opened),
            "s",
            f"start of a process to its first answer; a home of {_TINY} entities {code_s:.2f} s",
            "<= 0.6" if len(corpus) <= 200_000 else "<= 1.0",
            (min(opened), max(opened)),
            len(opened),
        ),
    ]
