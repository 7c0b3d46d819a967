"""How long an encoder takes for one query on a core of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from chiasm_encoders.protocol import Encoder

__all__ = ["Timing", "time_queries"]

#: Before the clock runs: caches fill and memory is taken.
_WARM = 20


class Timing(NamedTuple):
    """Milliseconds of one query."""

    median: float
    #: Quartiles.
    low: float
    high: float


def time_queries(encoder: Encoder, queries: Sequence[Any], *, rounds: int = 200) -> Timing:
    """Time for one query at a time by one thread.

    What the thread has of a core counts, not what passes while it waits for one: by the clock, a machine that is busy
    would refuse students that fit.

    Args:
        encoder: Of the queries' modality.
        queries: At least one; asked in turn.
        rounds: How often.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        took = []
        for at in range(_WARM + rounds):
            item = queries[at % len(queries)]
            began = time.thread_time()
            encoder.encode([item])
            took.append((time.thread_time() - began) * 1000)
    finally:
        torch.set_num_threads(threads)
    low, median, high = np.percentile(took[_WARM:], [25, 50, 75])
    return Timing(float(median), float(low), float(high))
