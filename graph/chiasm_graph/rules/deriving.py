"""Everything that rules say of a graph and that is not stated in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm_graph.rules.application import RuleBase
from chiasm_graph.rules.facts import FactIndex
from chiasm_graph.rules.rule import RatedRule

__all__ = ["Derived", "derive"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Derived(NamedTuple):
    """Triples that rules say, each once, the surest first."""

    #: (triples,)
    heads: Ints
    #: (triples,)
    relations: Ints
    #: (triples,)
    tails: Ints
    #: (triples,) `RatedRule.weight` of the best rule that says it
    confidence: Floats
    #: (triples,) position in `rules`
    rule: Ints
    #: Surest first.
    rules: list[RatedRule]
    #: Whether less sure ones were left out for want of room or of time.
    truncated: bool

    def __len__(self) -> int:
        return len(self.heads)


def derive(
    facts: FactIndex,
    rules: Iterable[RatedRule],
    *,
    limit: int,
    stop: Callable[[], bool] = lambda: False,
) -> Derived:
    """What rules say in one step: nothing is derived from what was derived.

    Rules are applied from the surest on, so of several that say the same the best one counts (as `maximum` in
    `aggregate`), and what a limit cuts off is the least sure.

    Args:
        facts: What is stated.
        rules: In any order.
        limit: Most triples.
        stop: Says whether the time is over.
    """
    base = RuleBase(facts, rules)
    known: dict[int, Ints] = {}
    parts: list[tuple[Ints, Ints, Ints, Ints]] = []
    room, truncated = limit, False
    for at, one in enumerate(base.rules):
        truncated = truncated or stop()
        if truncated:
            break
        relation = one.rule.head % facts.num_relations
        heads, tails = base.pairs(at)
        fresh = ~facts.has(relation, heads, tails)
        codes = np.unique(heads[fresh] * facts.num_nodes + tails[fresh])
        before = known.get(relation, codes[:0])
        codes = codes[~_among(before, codes)]
        truncated = len(codes) > room
        codes = codes[:room]
        known[relation] = np.insert(before, np.searchsorted(before, codes), codes)
        room -= len(codes)
        heads, tails = np.divmod(codes, facts.num_nodes)
        parts.append((heads, np.full(len(codes), relation), tails, np.full(len(codes), at)))
    nothing = np.zeros(0, dtype=np.int64)
    columns = zip(*parts, strict=True) if parts else [(nothing,)] * 4
    heads, relations, tails, rule = (np.concatenate(column) for column in columns)
    return Derived(heads, relations, tails, base.weights[rule], rule, list(base.rules), truncated)


def _among(known: Ints, wanted: Ints) -> npt.NDArray[np.bool_]:
    """Whether each of some codes is known, which ascend, ``(n,)``."""
    if not len(known):
        return np.zeros(len(wanted), dtype=np.bool_)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.asarray(known[at] == wanted)
