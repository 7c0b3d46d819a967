"""Rows against FAISS alone on the same vectors."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import numpy as np

from benchmarks.rows import Row
from benchmarks.searching.alone import in_turns, ms_row
from benchmarks.searching.bare import KINDS, BareIndex
from benchmarks.searching.corpus import Corpus
from benchmarks.searching.home import Filled
from benchmarks.searching.measure import BATCH, paired_ratio, recall, singles
from benchmarks.searching.ours import Ours
from benchmarks.searching.tuning import Chosen, tuned

__all__ = ["faiss_rows"]

#: Recall that a bare index is tuned to, where it is not tuned to ours.
_LEAST = 0.99
_PAIRS, _BATCH_PAIRS = 200, 30
#: A graph over more rows than this takes too long to build.
_GRAPH_TO = 1_500_000


def faiss_rows(ours: Ours, corpus: Corpus, filled: Filled) -> Iterator[Row]:
    """Time and throughput over each kind of bare index at our recall; the target is for the kind that we chose."""
    mine = singles(lambda query: ours.search(query), corpus.tuning, max_s=5.0).found
    least = recall(mine, corpus.truth(None, tuning=True))
    for kind in KINDS:
        if kind == "hnsw" and len(corpus) > _GRAPH_TO:
            continue
        index = BareIndex(kind, corpus)
        kind_is_ours = any(kind in one for one in filled.kinds)
        if kind_is_ours:
            # As if ours were no better than it has to be.
            yield from _rows(ours, corpus, index, _tuned(index, corpus, _LEAST), "_at_99")
        chosen = _tuned(index, corpus, least)
        yield from _rows(ours, corpus, index, chosen, "" if kind_is_ours else f"_{kind}")


def _tuned(index: BareIndex, corpus: Corpus, least: float) -> Chosen:
    return tuned(
        lambda knob: singles(lambda query: index.search(query, knob), corpus.tuning, max_s=1.0),
        index.knobs(),
        corpus.truth(None, tuning=True),
        least,
        all_knobs=True,
    )


def _rows(ours: Ours, corpus: Corpus, index: BareIndex, chosen: Chosen, ending: str) -> list[Row]:
    queries, truth = corpus.queries, corpus.truth(None)
    found = singles(lambda query: index.search(query, chosen.knob), queries, max_s=5.0).found
    our_ms, bare_ms = in_turns(
        [lambda n: ours.search(queries[n]), lambda n: index.search(queries[n], chosen.knob)], _PAIRS
    )
    single, single_spread = paired_ratio(our_ms, bare_ms)
    our_rates, bare_rates = _batch_rates(ours, corpus, index, chosen)
    batch, batch_spread = paired_ratio(our_rates, bare_rates)
    name = f"bare FAISS {index.kind}, recall {recall(found, truth):.3f}, {chosen.knob}"
    looped = "" if ours.has_batches else ", ours one by one"
    compared = [
        Row(
            f"p50_vs_faiss{ending}", single, "ratio", name, "" if ending else "<= 1.5", single_spread, _PAIRS
        ),
        Row(
            f"batch_vs_faiss{ending}",
            batch,
            "ratio",
            f"{name}{looped}",
            "" if ending else ">= 0.8",
            batch_spread,
            _BATCH_PAIRS,
        ),
        ms_row(f"faiss{ending or '_' + index.kind}_p50", bare_ms),
        Row(f"faiss{ending or '_' + index.kind}_batch", statistics.median(bare_rates), "1/s", n=_BATCH_PAIRS),
        Row(f"batch_beside{ending}" if ending else "batch", statistics.median(our_rates), "1/s"),
    ]
    if ending == "_at_99":
        return compared
    return [
        *compared,
        Row(
            f"faiss_{index.kind}_rows_in", len(corpus) / index.build_s, "1/s", "no payload, when it was built"
        ),
        Row(f"faiss_{index.kind}_bytes_per_vector", index.disk_bytes / len(corpus), "B"),
    ]


def _batch_rates(
    ours: Ours, corpus: Corpus, index: BareIndex, chosen: Chosen
) -> tuple[list[float], list[float]]:
    """Queries a second of batches asked in turns."""
    asks = [ours.search_batch, lambda some: index.search_batch(some, chosen.knob)]
    rates: list[list[float]] = [[], []]
    starts = np.arange(_BATCH_PAIRS + 1) * BATCH % (len(corpus.queries) - BATCH)
    for number, start in enumerate(starts):
        some = corpus.queries[start : start + BATCH]
        for side, ask in enumerate(asks):
            began = time.perf_counter()
            ask(some)
            if number:  # the first warms up
                rates[side].append(BATCH / (time.perf_counter() - began))
    return rates[0], rates[1]
