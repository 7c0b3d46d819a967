"""Rules out of a graph, bounded in time and memory."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from chiasm_graph.errors import GraphError
from chiasm_graph.rules.candidates import find_bodies
from chiasm_graph.rules.constants import mine_constants
from chiasm_graph.rules.counting import Relations, predictions, rate
from chiasm_graph.rules.facts import FactIndex
from chiasm_graph.rules.rule import MAX_LENGTH, RatedRule
from chiasm_graph.triples import Triples

__all__ = ["MinedRules", "MiningConfig", "mine_rules"]


@dataclass(frozen=True)
class MiningConfig:
    """How far mining goes.

    Raises:
        GraphError: A value is impossible.
    """

    max_length: int = MAX_LENGTH
    #: Whether rules with constants are mined too.
    constants: bool = True
    min_support: int = 3
    min_confidence: float = 0.01
    min_head_coverage: float = 0.0
    #: Facts of each relation that bodies are looked for around.
    samples: int = 200
    #: Edges of a node that are followed there.
    fanout: int = 32
    #: Bodies that are counted, for each relation.
    max_bodies: int = 500
    #: Starts that a body is counted from, and walks in all; more are sampled.
    max_starts: int = 2000
    max_walks: int = 20_000
    #: Constant rules for each property that is predicted.
    max_constants: int = 10
    #: Nodes with more facts teach no constant rules.
    max_degree: int = 2000
    #: Rules kept for each relation, the best ones.
    max_rules: int = 2000
    max_seconds: float = 120.0
    seed: int = 0
    #: Relations that rules are wanted for; None: all.
    heads: frozenset[int] | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.max_length <= MAX_LENGTH:
            raise GraphError(
                f"a length of {self.max_length}", where="max_length", remedy=f"use 1 to {MAX_LENGTH}"
            )
        for name in ("min_confidence", "min_head_coverage"):
            if not 0 <= getattr(self, name) <= 1:
                raise GraphError(f"{getattr(self, name)} is no share", where=name, remedy="use 0 to 1")
        if self.min_support < 1:
            raise GraphError(f"a support of {self.min_support}", where="min_support", remedy="use 1 or more")


@dataclass(frozen=True)
class MinedRules:
    """What mining found."""

    #: Best first.
    rules: list[RatedRule]
    #: Whether the time was over before all bodies were counted: then another run may find others.
    out_of_time: bool
    seconds: float


def mine_rules(
    graph: Triples, config: MiningConfig | None = None, *, facts: FactIndex | None = None
) -> MinedRules:
    """The rules of a graph; the same seed gives the same rules, unless the time runs out.

    Candidate bodies are found around sampled facts (after AnyBURL, Meilicke 2019), then each body is counted once for
    all relations, from all its starts where they are few and from a sample where they are many. Confidence, partial
    completeness and head coverage are AMIE's (Galárraga 2013).

    Args:
        graph: What is known.
        config: How far to go; the defaults otherwise.
        facts: The same graph, indexed, where that is at hand.
    """
    config = config or MiningConfig()
    began = time.monotonic()

    def over() -> bool:
        return time.monotonic() - began > config.max_seconds

    rng = np.random.default_rng(config.seed)
    facts = facts or FactIndex(graph)
    found: list[RatedRule] = []
    if config.constants:
        constants = mine_constants(
            facts,
            min_support=config.min_support,
            min_confidence=config.min_confidence,
            limit=config.max_constants,
            max_degree=config.max_degree,
            heads=config.heads,
            stop=over,
        )
        found.extend(constants)
    bodies = find_bodies(
        graph,
        facts,
        max_length=config.max_length,
        samples=config.samples,
        fanout=config.fanout,
        limit=config.max_bodies,
        heads=config.heads,
        stop=over,
        rng=rng,
    )
    relations = Relations.of(facts)
    late = over()
    # What is short and closes often first: it matters most where the time is short.
    for body in sorted(bodies, key=lambda body: (len(body) > 2, -bodies[body], body)):
        if late := over():
            break
        pairs = predictions(facts, body, max_starts=config.max_starts, max_walks=config.max_walks, rng=rng)
        found += rate(
            facts,
            relations,
            body,
            *pairs,
            min_support=config.min_support,
            min_confidence=config.min_confidence,
        )
    return MinedRules(_best(found, config, graph.num_relations), late, time.monotonic() - began)


def _best(found: list[RatedRule], config: MiningConfig, num_relations: int) -> list[RatedRule]:
    """The best rules of each relation, and of all together the best first."""
    of: dict[int, list[RatedRule]] = defaultdict(list)
    for one in sorted(found, key=_order):
        if config.heads is not None and one.rule.head % num_relations not in config.heads:
            continue
        listed = of[one.rule.head % num_relations]
        if one.head_coverage >= config.min_head_coverage and len(listed) < config.max_rules:
            listed.append(one)
    return sorted((one for listed in of.values() for one in listed), key=_order)


def _order(one: RatedRule) -> tuple[float, int, int, tuple[int, ...], int, int]:
    rule = one.rule
    return (
        -one.weight,
        len(rule.body),
        rule.head,
        rule.body,
        -1 if rule.constant is None else rule.constant,
        -1 if rule.end is None else rule.end,
    )
