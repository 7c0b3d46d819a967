"""Rows against other people's vector stores."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.rows import Row
from benchmarks.searching.corpus import Corpus
from benchmarks.searching.home import Filled
from benchmarks.searching.marks import MARKS
from benchmarks.searching.measure import recall, singles
from benchmarks.searching.ours import Ours
from benchmarks.searching.peers import PeerError, PeerProcess, environment
from benchmarks.searching.tuning import Chosen, tuned

__all__ = ["peer_rows"]

#: Recall that knobs are tuned to on the other queries, and that a peer must hold to be compared with.
_PLAIN, _FILTERED, _LEAST = 0.99, 0.96, 0.95
_ROUNDS = 5
_TUNING_S, _ROUND_S = 1.0, 0.8
#: Filters that peers are asked for.
_MARKS: tuple[str | None, ...] = (None, "p10", "p1", "p01")


@dataclass
class _Met:
    """One filter asked of a peer and of us in turns."""

    chosen: Chosen
    recall: float
    #: Medians of each round, ms.
    theirs: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Ours over theirs by round."""
        return [mine / other for mine, other in zip(self.ours, self.theirs, strict=True)]


@dataclass
class _Peer:
    """What a peer showed."""

    name: str
    embedded: bool
    payload: bool
    rows_per_s: float
    met: dict[str | None, _Met]
    rows: list[Row]


def peer_rows(ours: Ours, corpus: Corpus, filled: Filled, names: Sequence[str]) -> Iterator[Row]:
    """Each peer's own figures, then ours over the best of them."""
    peers: list[_Peer] = []
    try:
        environment()
    except PeerError as error:
        print(f"no peers: {error}", flush=True)
        return
    for name in names:
        try:
            with PeerProcess(name, corpus.folder, corpus.folder / "peers" / name) as process:
                peers.append(_asked(ours, corpus, process))
        except PeerError as error:
            print(f"{name} is absent: {error}", flush=True)
            continue
        yield from peers[-1].rows
    yield from _best_rows([peer for peer in peers if peer.payload], corpus, filled)


def _asked(ours: Ours, corpus: Corpus, process: PeerProcess) -> _Peer:
    name, met = process.name, {}
    for mark in _MARKS:
        met[mark] = _rounds(ours, corpus, process, mark)
    batch = [
        rate
        for turn in range(_ROUNDS)
        for rate in process.batches(met[None].chosen.knob, start=64 * turn, max_s=_ROUND_S).rates
    ]
    count = len(corpus)
    rows = [
        *(row for mark, one in met.items() for row in _figures(name, mark, one)),
        Row(f"{name}_batch", statistics.median(batch), "1/s"),
        Row(f"{name}_rows_in", count / process.build_s, "1/s", "when it was built"),
        Row(f"{name}_bytes_per_vector", process.disk_bytes / count, "B"),
        Row(f"{name}_cold_open", process.cold_open_s, "s"),
    ]
    facts = process.facts
    return _Peer(name, facts["embedded"], facts["payload"], count / process.build_s, met, rows)


def _rounds(ours: Ours, corpus: Corpus, process: PeerProcess, mark: str | None) -> _Met:
    chosen = tuned(
        lambda knob: process.singles(knob, mark, of="tuning", max_s=_TUNING_S),
        process.knobs(mark),
        corpus.truth(mark, tuning=True),
        _PLAIN if mark is None else _FILTERED,
    )
    met = _Met(chosen, 0.0)
    shares: list[tuple[float, int]] = []
    each = len(corpus.queries) // _ROUNDS
    for turn in range(_ROUNDS):
        start = turn * each
        theirs = process.singles(chosen.knob, mark, of="queries", start=start, max_s=_ROUND_S)
        some = corpus.queries[start : start + len(theirs.ms)]
        mine = singles(lambda query: ours.search(query, mark), some, max_s=_ROUND_S)
        met.theirs.append(float(np.median(theirs.ms)))
        met.ours.append(float(np.median(mine.ms)))
        shares.append((recall(theirs.found, corpus.truth(mark)[start:]), len(theirs.found)))
    met.recall = float(np.average([s for s, _ in shares], weights=[n for _, n in shares]))
    return met


def _figures(name: str, mark: str | None, met: _Met) -> list[Row]:
    ending = "" if mark is None else f"_{MARKS[mark]:g}"
    knob = ", ".join(f"{key}={value}" for key, value in met.chosen.knob.items())
    return [
        Row(f"{name}_recall{ending}", met.recall, "share", knob),
        Row(
            f"{name}_p50{ending}",
            statistics.median(met.theirs),
            "ms",
            f"ours beside it {statistics.median(met.ours):.2f}",
            spread=(min(met.theirs), max(met.theirs)),
            n=_ROUNDS,
        ),
    ]


def _best_rows(peers: Sequence[_Peer], corpus: Corpus, filled: Filled) -> list[Row]:
    rows: list[Row | None] = [_ratio("p50_vs_best_peer", peers, None, "<= 0.4")]
    for mark in ("p10", "p1"):
        embedded = [peer for peer in peers if peer.embedded]
        name = f"filtered_p50_vs_best_peer_{MARKS[mark]:g}"
        rows += [
            _ratio(name, embedded, mark, "<= 0.25"),
            _ratio(f"{name}_any", peers, mark, "<= 1.0"),
        ]
    if peers:
        best = max(peers, key=lambda peer: peer.rows_per_s)
        mine = len(corpus) / filled.seconds
        rows.append(Row("rows_in_vs_best_peer", mine / best.rows_per_s, "ratio", best.name, ">= 1.5"))
    return [row for row in rows if row is not None]


def _ratio(name: str, peers: Sequence[_Peer], mark: str | None, target: str) -> Row | None:
    """Ours over the quickest that holds the recall; None where nobody does."""
    able = [peer.met[mark] for peer in peers if peer.met[mark].recall >= _LEAST]
    names = [peer.name for peer in peers if peer.met[mark].recall >= _LEAST]
    if not able:
        return None
    at = int(np.argmin([statistics.median(one.theirs) for one in able]))
    ratios = able[at].ratios
    said = f"{names[at]}, recall {able[at].recall:.3f}"
    return Row(
        name, statistics.median(ratios), "ratio", said, target, (min(ratios), max(ratios)), len(ratios)
    )
