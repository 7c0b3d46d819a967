"""What is wrong in the graph of a workspace, in words and with confidence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chiasm.questions.wording import phrase, squashed
from chiasm.search.replica import Replica
from chiasm.search.state import State
from chiasm_graph import Flaw, find_flaws

__all__ = ["KINDS", "flaws_of"]

#: What each kind of flaw is, in words.
KINDS = {
    "several_values": "nearly every subject of this predicate has one object, this one has several",
    "both_ways": "this predicate nearly never holds both ways, here it does",
    "self_loop": "an entity is linked to itself",
    "cycle": "entities of a hierarchy lie above themselves",
    "duplicate": "the same is said with two predicates of one name",
    "dangling": "an entity that only this statement names",
}
#: How sure it is that two predicates whose names differ in spelling only are one.
_SPELLING = 0.9


def flaws_of(state: State, *, limit: int, kind: str | None = None) -> dict[str, Any]:
    """The answer of `chiasm graph check --json`: flaws, the surest first, and how many there are of each kind."""
    replica = state.replica
    found = list(find_flaws(replica.graph, replica.stub & replica.live)) + list(_duplicates(replica))
    counts = Counter(flaw.kind for flaw in found)
    wanted = [flaw for flaw in found if kind is None or flaw.kind == kind]
    order = list(KINDS)
    wanted.sort(
        key=lambda one: (order.index(one.kind) == len(order) - 1, -one.confidence, order.index(one.kind))
    )
    return {
        "statements": len(replica.graph),
        "counts": {name: counts[name] for name in KINDS},
        "flaws": [_shown(replica, flaw) for flaw in wanted[:limit]],
        "total": len(wanted),
    }


def _duplicates(replica: Replica) -> Iterator[Flaw]:
    """Pairs of entities that predicates join whose names differ in spelling alone: `partOf` and `part_of`."""
    alike = defaultdict(list)
    for number, name in enumerate(replica.predicates):
        if name:
            alike[squashed(phrase(name))].append(number)
    graph = replica.graph
    for numbers in alike.values():
        if len(numbers) > 1:
            yield from _repeated(replica, np.flatnonzero(np.isin(graph.relations, numbers)).tolist())


def _repeated(replica: Replica, rows: Sequence[int]) -> Iterator[Flaw]:
    by_pair = defaultdict(list)
    for row in rows:
        by_pair[int(replica.graph.heads[row]), int(replica.graph.tails[row])].append(row)
    for same in by_pair.values():
        if len(same) > 1:
            yield Flaw("duplicate", tuple(same), _SPELLING)


def _shown(replica: Replica, flaw: Flaw) -> dict[str, Any]:
    graph = replica.graph
    statements = [
        {
            "subject": replica.keys[int(graph.heads[row])],
            "predicate": replica.predicates[int(graph.relations[row])],
            "object": replica.keys[int(graph.tails[row])],
        }
        for row in flaw.triples[:50]
    ]
    return {
        "kind": flaw.kind,
        "what": KINDS[flaw.kind],
        "confidence": round(flaw.confidence, 4),
        "statements": statements,
    }
