"""How every side is timed and judged: the same code for us, bare FAISS and the peers. Needs numpy only."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["BATCH", "Batches", "Singles", "batches", "paired_ratio", "recall", "singles", "two_cores"]

BATCH = 64


class Singles(NamedTuple):
    """Queries asked one after the other."""

    #: Milliseconds of each.
    ms: list[float]
    #: Rows found, best first, of each.
    found: list[list[int]]


class Batches(NamedTuple):
    """Queries asked in batches."""

    #: Queries a second of each batch.
    rates: list[float]
    found: list[list[int]]


def singles(
    ask: Callable[[Any], Sequence[tuple[int, str, str | None]]],
    queries: Sequence[Any],
    *,
    max_s: float,
    least: int = 20,
) -> Singles:
    """Ask one by one until the queries or the time are used up.

    Args:
        ask: Row, text and domain of each hit.
        queries: Each is asked once, so that no cache answers.
        max_s: Seconds after which no more are asked; the first, which may read what later ones have, does not count.
        least: Asked whatever the time.
    """
    taken, found = [], []
    began = time.perf_counter()
    for number, query in enumerate(queries):
        if number >= least and time.perf_counter() - began > max_s:
            break
        start = time.perf_counter()
        hits = ask(query)
        taken.append((time.perf_counter() - start) * 1000.0)
        # What a user would read of each hit must be there; looked at outside the clock.
        found.append([row for row, text, domain in hits if text and domain])
        if number == 0:
            began = time.perf_counter()
    return Singles(taken, found)


def batches(ask: Callable[[Any], Any], queries: Any, *, max_s: float, least: int = 3) -> Batches:
    """Ask in batches of 64 until the queries or the time are used up."""
    rates, found = [], []
    began = time.perf_counter()
    for number, start in enumerate(range(0, len(queries) - BATCH + 1, BATCH)):
        if number >= least and time.perf_counter() - began > max_s:
            break
        some = queries[start : start + BATCH]
        before = time.perf_counter()
        answers = ask(some)
        rates.append(len(some) / (time.perf_counter() - before))
        found += [[row for row, text, domain in hits if text and domain] for hits in answers]
    return Batches(rates, found)


def recall(found: Sequence[Sequence[int]], truth: np.ndarray) -> float:
    """Mean share of the exact best that was found, over the queries that were asked.

    Args:
        found: Rows by query.
        truth: Exact rows, -1 for none, ``(at least as many queries, k)``.
    """
    shares = []
    for mine, exact in zip(found, truth, strict=False):
        wanted = {int(row) for row in exact if row >= 0}
        if wanted:
            shares.append(len(wanted.intersection(mine)) / len(wanted))
    return float(np.mean(shares)) if shares else 1.0


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """Median of the ratios of pairs that were measured one after the other, and its 95 % bootstrap interval."""
    ratios = np.asarray(ours, dtype=np.float64) / np.asarray(theirs, dtype=np.float64)
    drawn = np.random.default_rng(0).integers(0, len(ratios), size=(10_000, len(ratios)))
    low, high = np.quantile(np.median(ratios[drawn], axis=1), (0.025, 0.975))
    return float(np.median(ratios)), (float(low), float(high))


def two_cores() -> None:
    """Keep this process and its children on two cores, whatever the machine has."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
