"""How often a body is right, for every relation that it could imply at once."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm_graph.rules.facts import FactIndex
from chiasm_graph.rules.rule import RatedRule, Rule

__all__ = ["Relations", "measured", "predictions", "rate"]

Ints = npt.NDArray[np.int64]


class Relations(NamedTuple):
    """What counting asks of each relation."""

    #: (relations,) different facts
    sizes: Ints
    #: (relations,) whether a head has fewer facts than a tail, on the whole: then heads are asked for completeness
    functional: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, facts: FactIndex) -> Relations:
        """The numbers of a graph."""
        count = facts.num_relations
        sizes = np.array([len(facts.facts(r)[0]) for r in range(count)], dtype=np.int64)
        heads = np.array([len(facts.starts(r)) for r in range(count)], dtype=np.int64)
        tails = np.array([len(facts.starts(r + count)) for r in range(count)], dtype=np.int64)
        return cls(sizes, heads >= tails)


def predictions(
    facts: FactIndex, body: tuple[int, ...], *, max_starts: int, max_walks: int, rng: np.random.Generator
) -> tuple[Ints, Ints, float]:
    """Different pairs that a body leads to, and how many there are for each one given.

    Returns:
        Heads and tails, each ``(pairs,)``, and a factor, 1 where no start was left out.
    """
    starts = facts.starts(body[0])
    asked = starts
    if len(starts) > max_starts or len(body) > 1:
        asked = rng.permutation(starts)[:max_starts]
    walks = facts.walk(body, asked, max_walks=max_walks, max_each=max_walks // 4)
    pairs = np.unique(walks.nodes[0] * facts.num_nodes + walks.nodes[-1])
    done = int(walks.whole.sum())
    heads, tails = np.divmod(pairs, facts.num_nodes)
    return heads, tails, len(starts) / done if done else 0.0


def rate(
    facts: FactIndex,
    relations: Relations,
    body: tuple[int, ...],
    heads: Ints,
    tails: Ints,
    factor: float,
    *,
    min_support: float,
    min_confidence: float,
) -> list[RatedRule]:
    """The rules that a body makes which are good enough, of the pairs from `predictions`."""
    if not len(heads):
        return []
    _, halves = facts.between(heads, tails)
    hits = np.bincount(halves, minlength=2 * facts.num_relations)[: facts.num_relations]
    good = (hits * factor >= min_support) & (hits >= min_confidence * len(heads))
    rated = []
    for relation in np.flatnonzero(good).tolist():
        if body == (relation,):
            continue
        known = (
            facts.degree(relation, heads)
            if relations.functional[relation]
            else (facts.degree(relation + facts.num_relations, tails))
        )
        support = float(hits[relation])
        rated.append(
            RatedRule(
                Rule(relation, body),
                support=support * factor,
                predicted=len(heads) * factor,
                confidence=support / len(heads),
                pca_confidence=support / max(int((known > 0).sum()), 1),
                head_coverage=min(support * factor / int(relations.sizes[relation]), 1.0),
            )
        )
    return rated


def measured(
    facts: FactIndex, one: RatedRule, *, max_starts: int = 2000, max_walks: int = 20_000
) -> RatedRule:
    """A written rule with what the data say of it; the confidence stays what its author gave."""
    rule = one.rule
    if rule.constant is None:
        rng = np.random.default_rng(0)
        heads, tails, factor = predictions(
            facts, rule.body, max_starts=max_starts, max_walks=max_walks, rng=rng
        )
    else:
        heads, factor = facts.starts(rule.body[0]), 1.0
        if rule.end is not None:
            heads = heads[facts.has(rule.body[0], heads, np.full(len(heads), rule.end))]
        tails = np.full(len(heads), rule.constant)
    support = float(facts.has(rule.head, heads, tails).sum())
    known = int((facts.degree(rule.head, heads) > 0).sum())
    return replace(
        one,
        support=support * factor,
        predicted=len(heads) * factor,
        pca_confidence=support / max(known, 1),
        head_coverage=min(support * factor / max(len(facts.facts(rule.head)[0]), 1), 1.0),
    )
