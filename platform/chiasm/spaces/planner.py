"""How to look at one segment: its index, a scan of the rows that pass, or just these rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from chiasm.spaces.kinds.base import Effort, IndexKind
from chiasm.spaces.kinds.exact import gather_cost, scan_cost
from chiasm.spaces.tuning import Knob

__all__ = ["Plan", "plan_for"]

#: A filter that lets this share pass of the rows that another one does is hardly sparser.
_THIN = 0.9


class Plan(NamedTuple):
    """What to do, and how hard."""

    #: `gather` fetches the rows that pass, `scan` passes over the others, `index` goes by a selector.
    way: Literal["gather", "scan", "index"]
    #: Enough where the best row has at least the cosine `near`.
    effort: Effort = Effort(1, 1)
    near: float = -1.0
    #: For the other queries.
    careful: Effort | None = None
    #: Where that is None.
    exact: Literal["gather", "scan"] = "scan"


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
    gather = gather_cost(passing, dim, queries)
    scan = scan_cost(rows, passing, dim, queries)
    exact: Literal["gather", "scan"] = "gather" if gather < scan else "scan"
    if passing <= k or not kind.stored:
        return Plan(exact)
    knob = _knob(knobs, passing / rows, k)
    if knob is None or min(gather, scan) <= queries * kind.cost(rows, dim, k, knob.effort):
        return Plan(exact)
    return Plan("index", knob.effort, knob.near, knob.careful, exact)


def _knob(knobs: Sequence[Knob], share: float, k: int) -> Knob | None:
    """What was found for at least as sparse a filter, and by powers what that means for so many results."""
    fitting = [knob for knob in knobs if knob.share * _THIN <= share]
    if not fitting:
        return None
    next_share = max(knob.share for knob in fitting)
    found = sorted((knob for knob in fitting if knob.share == next_share), key=lambda knob: knob.k)
    upper = next((knob for knob in found if k <= knob.k), None)
    lower = max((knob for knob in found if knob.k <= k), key=lambda knob: knob.k, default=found[0])
    if upper is None:
        return lower._replace(
            k=k,
            effort=_grown(lower.effort, lower.k, k),
            careful=lower.careful and _grown(lower.careful, lower.k, k),
        )
    careful = lower.careful
    if careful is not None:
        # Of more results an exact answer may be as cheap.
        other = upper.careful or _grown(careful, lower.k, upper.k)
        careful = _between(careful, other, lower.k, upper.k, k)
    effort = _between(lower.effort, upper.effort, lower.k, upper.k, k)
    near = lower.near + _part(lower.k, upper.k, k) * (upper.near - lower.near)
    return upper._replace(k=k, effort=effort, near=near, careful=careful)


def _grown(effort: Effort, few: int, many: int) -> Effort:
    """The effort for more results than any was found for."""
    return Effort(math.ceil(effort.breadth * math.sqrt(many / few)), effort.depth)


def _between(lower: Effort, upper: Effort, few: int, many: int, k: int) -> Effort:
    """The effort for `k` results by those for few and for many; of fewer than few, that for few."""
    part = _part(few, many, k)
    breadth = lower.breadth ** (1 - part) * upper.breadth**part
    # Of candidates, which are so many for each result.
    candidates = (few * lower.depth) ** (1 - part) * (many * upper.depth) ** part
    return Effort(math.ceil(breadth), math.ceil(candidates / k))


def _part(few: int, many: int, k: int) -> float:
    """How far `k` lies on the way from few to many results, 0 to 1."""
    return math.log(k / few) / math.log(many / few) if few < many else 0.0
