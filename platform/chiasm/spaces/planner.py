"""How to look at one segment: its index, a scan of the rows that pass, or just these rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from chiasm.spaces.kinds.base import Effort, IndexKind
from chiasm.spaces.tuning import Knob

__all__ = ["Plan", "plan_for"]

#: A filter that drops fewer rows than this does not thin out what an index comes across.
_THIN = 0.9
#: In dimensions of float32 multiplied, as `IndexKind.cost` (some .24 ns each on the machine of docs/benchmarks.md): to
#: copy a row from anywhere, to pass over one in order.
_FETCH, _PASS = 60.0, 8.0
#: A dimension of a row of fp16 that is multiplied as it is read.
_READ = 0.5


class Plan(NamedTuple):
    """What to do, and how hard."""

    #: `gather` fetches the rows that pass, `scan` passes over the others, `index` goes by a selector.
    way: Literal["gather", "scan", "index"]
    effort: Effort = Effort(1, 1)


@lru_cache(maxsize=1024)
def plan_for(
    kind: IndexKind, knobs: tuple[Knob, ...], rows: int, dim: int, passing: int, k: int, queries: int
) -> Plan:
    """The cheapest way that is exact, or was found to be good enough.

    Args:
        kind: Of the segment's index.
        knobs: How hard it has to look.
        rows: Of the segment.
        dim: Length of a vector.
        passing: How many of the rows are alive and pass the filter.
        k: How many are wanted.
        queries: How many ask.
    """
    gather = passing * (_FETCH + queries * dim * _READ)
    scan = queries * (rows * _PASS + passing * dim * _READ)
    exact = Plan("gather") if gather < scan else Plan("scan")
    if passing <= k or not kind.stored:
        return exact
    effort = _effort(knobs, passing / rows, k)
    if effort is None or min(gather, scan) <= queries * kind.cost(rows, dim, k, effort):
        return exact
    return Plan("index", effort)


def _effort(knobs: Sequence[Knob], share: float, k: int) -> Effort | None:
    """What was found for at least as sparse a filter, and as many results."""
    share = 1.0 if share >= _THIN else share
    fitting = [knob for knob in knobs if knob.share <= share]
    if not fitting:
        return None
    near = max(knob.share for knob in fitting)
    found = sorted((knob for knob in fitting if knob.share == near), key=lambda knob: knob.k)
    for knob in found:
        if k <= knob.k:
            # As many candidates as were needed for more results: the best one is among them.
            return Effort(knob.effort.breadth, math.ceil(knob.effort.depth * knob.k / k))
    widest = found[-1]
    grown = math.ceil(widest.effort.breadth * math.sqrt(k / widest.k))
    return Effort(grown, widest.effort.depth)
