"""Paths between two entities, ranked by what they say or by their length."""

from __future__ import annotations

from typing import Any

import numpy as np

from chiasm.errors import UsageError
from chiasm.search.state import State
from chiasm_graph import Step, information_of, informative_paths, named_path, near_by_information

__all__ = ["near_of", "paths_of"]

_MAX_HOPS = 6
_BY = ("information", "length")
#: Predicates between two entities, on the whole, of which one is shown.
_ALIKE = 20


def paths_of(
    state: State, key: str, to: str, *, max_hops: int, limit: int, by: str = "information"
) -> dict[str, Any]:
    """The answer of `chiasm graph path --json`.

    Args:
        state: What there is.
        key: Where paths begin.
        to: Where they end.
        max_hops: Longest path, 1 to 6.
        limit: How many at most.
        by: `information`: those that say the most (see `chiasm_graph.informative_paths`); `length`: shortest ones alone.

    Returns:
        `{"key", "to", "by", "paths": [[key, predicate, key, ...]], "information": [bits], "complete"}`.

    Raises:
        NotFoundError: There is no such entity.
        UsageError: A value is out of range.
    """
    _check_hops(max_hops)
    if by not in _BY:
        raise UsageError(f"unknown order {by[:80]!r}", where="by", remedy=f"use {' or '.join(_BY)}")
    replica = state.replica
    start, goal = replica.row(key), replica.row(to)
    complete, steps = True, list[list[Step]]()
    if start == goal:
        steps, bits = [[]], [0.0]
    elif by == "length":
        steps = _distinct(replica.graph.paths(start, goal, max_hops, limit=_ALIKE * limit))[:limit]
        bits = [information_of(replica.graph, one) for one in steps]
    else:
        found = informative_paths(replica.graph, start, goal, max_hops, limit=limit)
        steps = [one.steps for one in found.paths]
        bits, complete = [one.information for one in found.paths], found.complete
    named = [
        named_path(one, replica.keys, replica.predicates) if one else [replica.keys[start]] for one in steps
    ]
    return {
        "key": key,
        "to": to,
        "by": by,
        "paths": named,
        "information": [round(one, 3) for one in bits],
        "complete": complete,
    }


def near_of(state: State, key: str, *, hops: int, limit: int, into: str | None = None) -> dict[str, Any]:
    """The answer of `chiasm graph near --json`.

    Args:
        state: What there is.
        key: Around which.
        hops: Edges away at most, 1 to 6.
        limit: How many at most.
        into: Domain that they are of.

    Returns:
        `{"key", "entities": [{"key", "title", "domain", "hops", "information"}], "total"}`, the nearest first; of
        equally near ones those first to which a shortest path says the most.

    Raises:
        NotFoundError: There is no such entity or domain.
        UsageError: A value is out of range.
    """
    _check_hops(hops)
    replica = state.replica
    found = near_by_information(replica.graph, replica.row(key), hops)
    kept = replica.live[found.nodes]
    if into is not None:
        kept &= replica.domains[found.nodes] == replica.domain(into)
    at = np.flatnonzero(kept)
    shown = []
    for one in at[:limit].tolist():
        row, domain = int(found.nodes[one]), int(replica.domains[found.nodes[one]])
        shown.append(
            {
                "key": replica.keys[row],
                "title": replica.titles[row],
                "domain": replica.domain_names[domain] if domain >= 0 else None,
                "hops": int(found.hops[one]),
                "information": round(float(found.information[one]), 3),
            }
        )
    return {"key": key, "entities": shown, "total": len(at)}


def _check_hops(hops: int) -> None:
    if not 1 <= hops <= _MAX_HOPS:
        raise UsageError(f"{hops} hops are not possible", where="hops", remedy=f"use 1 to {_MAX_HOPS}")


def _distinct(paths: list[list[Step]]) -> list[list[Step]]:
    """Paths over the same entities once, by the predicate that was stated first."""
    found: dict[tuple[int, ...], list[Step]] = {}
    for one in paths:
        found.setdefault(tuple(node for node, _, _ in one), one)
    return list(found.values())
