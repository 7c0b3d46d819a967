"""What rules say, written as statements of their own origin, and taken out again."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from chiasm.catalog import Catalog
from chiasm.errors import translated
from chiasm.reasoning.asked import ApplyRequest
from chiasm.reasoning.knowledge import Knowledge
from chiasm.reasoning.replacing import Wanted, nothing_wanted, replace_derived
from chiasm.settings import Settings

if TYPE_CHECKING:
    from chiasm.reasoning.reasoning import Reasoning
    from chiasm_graph.rules import Derived

__all__ = ["apply_rules", "withdraw_rules"]

#: Triples that are shown, and how many of one rule.
_SHOWN, _OF_ONE_RULE = 20, 3


def apply_rules(
    settings: Settings, catalog: Catalog, reasoning: Reasoning, workspace_id: int, asked: ApplyRequest
) -> dict[str, Any]:
    """Make the derived triples those that the rules say now; what was derived before and is not said any more goes.

    Rules are those of users and those mined from what users stated, as far as their `confidence` is
    `min_confidence`. A triple's confidence is that of its surest rule as predictions rank by it: for mined rules
    `support / (predicted + 5)`. What is stated is never touched, and nothing is derived from what was derived.

    Args:
        settings: The home.
        catalog: Its catalog.
        reasoning: Who mines.
        workspace_id: Tenant.
        asked: With `relation`, triples of that relation alone are derived and replaced.

    Returns:
        `{"revision", "dry_run", "rules", "triples", "added", "removed", "changed", "unchanged", "by_relation",
        "examples", "truncated", "out_of_time", "job", "seconds"}`; `job` fuses anew what is concerned, None where the
        release does not read derived triples.

    Raises:
        NotFoundError: There is no such relation; near ones are named.
        InputError: A rule of the caller's cannot be read.
    """
    from chiasm_graph.rules import derive

    began = time.monotonic()
    knowledge, own, mined = reasoning.found(workspace_id, asked)
    rules = [one for one in (*own, *mined.rules) if one.confidence >= asked.min_confidence]
    with translated():
        derived = derive(
            knowledge.cases.facts,
            rules,
            limit=asked.max_triples,
            # Mining may have taken all the time that there was; what it found is applied nevertheless.
            stop=lambda: time.monotonic() - began > 2 * asked.max_seconds,
        )
    done = replace_derived(
        settings, catalog, workspace_id, _wanted(knowledge, derived), asked.relation, dry_run=asked.dry_run
    )
    return {
        "revision": knowledge.replica.revision,
        "dry_run": asked.dry_run,
        "rules": len(set(derived.rule.tolist())),
        "triples": len(derived),
        **done,
        "by_relation": _by_relation(knowledge, derived),
        "examples": _examples(knowledge, derived),
        "truncated": derived.truncated,
        "out_of_time": mined.out_of_time,
        "seconds": round(time.monotonic() - began, 3),
    }


def withdraw_rules(
    settings: Settings, catalog: Catalog, workspace_id: int, *, relation: str | None, dry_run: bool
) -> dict[str, Any]:
    """Take out all that rules derived, or that of one relation; `{"dry_run", "removed", "job"}`.

    Raises:
        NotFoundError: There is no such relation.
    """
    done = replace_derived(settings, catalog, workspace_id, nothing_wanted(), relation, dry_run=dry_run)
    return {"dry_run": dry_run, "removed": done["removed"], "job": done["job"]}


def _wanted(knowledge: Knowledge, derived: Derived) -> Wanted:
    replica = knowledge.replica
    predicates = np.asarray(replica.predicate_ids, dtype=np.int64)
    return Wanted(
        replica.ids[derived.heads],
        predicates[derived.relations] if len(derived) else derived.relations,
        replica.ids[derived.tails],
        derived.confidence,
    )


def _by_relation(knowledge: Knowledge, derived: Derived) -> dict[str, int]:
    relations, counts = np.unique(derived.relations, return_counts=True)
    found = zip(relations.tolist(), counts.tolist(), strict=True)
    return {knowledge.replica.predicates[relation]: count for relation, count in found}


def _examples(knowledge: Knowledge, derived: Derived) -> list[dict[str, Any]]:
    """Some triples with their rules, the surest first, few of one rule."""
    from chiasm_graph.rules import spelled

    replica, shown, times = knowledge.replica, list[dict[str, Any]](), Counter[int]()
    for at, rule in enumerate(derived.rule.tolist()):
        times[rule] += 1
        if times[rule] > _OF_ONE_RULE:
            continue
        head, name, tail = knowledge.named(
            (int(derived.heads[at]), int(derived.relations[at]), int(derived.tails[at]))
        )
        one = derived.rules[rule].rule
        shown.append(
            {
                "subject": head,
                "predicate": name,
                "object": tail,
                "confidence": round(float(derived.confidence[at]), 4),
                "rule": spelled(one, nodes=replica.keys, relations=replica.predicates),
            }
        )
        if len(shown) == _SHOWN:
            break
    return shown
