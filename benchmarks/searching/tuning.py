"""Choosing a side's settings: the quickest that reach a recall on queries that are not measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.searching.measure import Singles, recall

__all__ = ["Chosen", "tuned"]


class Chosen(NamedTuple):
    """Settings and what they reached on the tuning queries."""

    knob: dict[str, Any]
    recall: float
    p50_ms: float


def tuned(
    ask: Callable[[dict[str, Any]], Singles],
    knobs: Iterable[dict[str, Any]],
    truth: np.ndarray,
    least: float,
    *,
    all_knobs: bool = False,
) -> Chosen:
    """The quickest settings of at least that recall; the best recall where none has it.

    Args:
        ask: The tuning queries with given settings.
        knobs: The cheapest first.
        truth: Exact rows of the tuning queries.
        least: Recall to reach.
        all_knobs: Try all of them, not only up to the first that reaches it.
    """
    tried: list[Chosen] = []
    for knob in knobs:
        asked = ask(knob)
        tried.append(Chosen(knob, recall(asked.found, truth), float(np.median(asked.ms))))
        if tried[-1].recall >= least and not all_knobs:
            break
    reached = [one for one in tried if one.recall >= least]
    return min(reached, key=lambda one: one.p50_ms) if reached else max(tried, key=lambda one: one.recall)
