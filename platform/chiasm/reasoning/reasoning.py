"""Rules and predictions of a workspace, kept until what it states changes."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from chiasm.catalog import Catalog
from chiasm.errors import translated
from chiasm.reasoning.asked import PredictRequest, RulesRequest
from chiasm.reasoning.knowledge import Knowledge, knowledge_of
from chiasm.reasoning.told import told_prediction, told_rule
from chiasm.reasoning.trained import trained_answers
from chiasm.search import Searcher
from chiasm.search.replica import Ints
from chiasm.search.state import State
from chiasm.settings import Settings

if TYPE_CHECKING:
    from chiasm_graph.rules import MinedRules, MiningConfig, RatedRule

__all__ = ["Reasoning"]

#: Results of mining that are kept of a workspace.
_MAX_MINED = 64
#: What a prediction weighs; rules that are listed are surer.
_LEAST_CONFIDENCE = 0.01


class Reasoning:
    """Mines, applies and explains; safe to share between threads.

    What was mined is kept in memory beside search's replica. Nothing is written: another process mines again, which
    a prediction does for its one relation only.

    Args:
        settings: Of the home.
        searcher: Holds the replica of each workspace.
        catalog: Of the home.
    """

    def __init__(self, settings: Settings, searcher: Searcher, catalog: Catalog) -> None:
        self._settings, self._searcher, self._catalog = settings, searcher, catalog
        # Two requests at once must not mine the same twice.
        self._lock = threading.RLock()

    def rules(self, workspace_id: int, asked: RulesRequest) -> dict[str, Any]:
        """`{"revision", "count", "rules": [...], "out_of_time", "seconds"}`, the caller's own rules first.

        Raises:
            NotFoundError: There is no such relation; near ones are named.
            InputError: A rule of the caller's cannot be read.
        """
        knowledge, own, mined = self.found(workspace_id, asked)
        listed = [*own, *mined.rules]
        return {
            "revision": knowledge.replica.revision,
            "count": len(listed),
            "rules": [told_rule(knowledge, one) for one in listed[: asked.limit]],
            "out_of_time": mined.out_of_time,
            "seconds": round(mined.seconds, 3),
        }

    def found(self, workspace_id: int, asked: RulesRequest) -> tuple[Knowledge, list[RatedRule], MinedRules]:
        """What is known, the caller's own rules, measured, and those that were mined; raises as `rules`."""
        from chiasm_graph.rules import MiningConfig, measured

        with self._lock, translated():
            state = self._searcher.state(workspace_id)
            knowledge = knowledge_of(state, self._catalog)
            number = (
                None if asked.relation is None else knowledge.replica.predicate(asked.relation, "relation")
            )
            own = _written(knowledge, asked.rules, number)
            own = [measured(knowledge.cases.facts, one) for one in own]
            config = MiningConfig(
                max_length=asked.length,
                constants=asked.constants,
                min_support=asked.min_support,
                min_confidence=asked.min_confidence,
                min_head_coverage=asked.min_head_coverage,
                max_seconds=asked.max_seconds,
                seed=asked.seed,
                heads=None if number is None else frozenset({number}),
            )
            return knowledge, own, self._mine(knowledge, config)

    def predict(self, workspace_id: int, asked: PredictRequest) -> dict[str, Any]:
        """What may stand at the other end, best first, each with its facts, rules and cases.

        Raises:
            NotFoundError: There is no such entity or relation; near ones are named.
            InputError: A rule of the caller's cannot be read.
        """
        from chiasm_graph.rules import MiningConfig, Reasoner

        began = time.perf_counter()
        with self._lock, translated():
            state = self._searcher.state(workspace_id)
            knowledge = knowledge_of(state, self._catalog)
            number = knowledge.replica.predicate(asked.relation, "relation")
            start = knowledge.replica.row(asked.head if asked.head is not None else asked.tail or "")
            config = MiningConfig(
                min_confidence=_LEAST_CONFIDENCE,
                max_seconds=asked.max_seconds,
                seed=asked.seed,
                heads=frozenset({number}),
            )
            mined = self._mine(knowledge, config)
        with translated():
            own = _written(knowledge, asked.rules, number)
            how: Any = asked.aggregation
            reasoner = Reasoner(knowledge.cases, [*own, *mined.rules], how=how)
            half = number + (0 if asked.head is not None else knowledge.graph.num_relations)
            found = reasoner.predict(half, start, k=asked.k, known=asked.known)
        _, stated = reasoner.facts.follow(half, _one(start))
        return {
            "head": asked.head,
            "relation": asked.relation,
            "tail": asked.tail,
            "revision": knowledge.replica.revision,
            "known": [
                {"key": knowledge.replica.keys[row], "title": knowledge.replica.titles[row]}
                for row in stated.tolist()
            ],
            "predictions": [
                {"rank": rank, **told_prediction(knowledge, one)} for rank, one in enumerate(found, start=1)
            ],
            "trained": self._trained(state, asked, start, stated),
            "out_of_time": mined.out_of_time,
            "took_ms": round((time.perf_counter() - began) * 1000.0, 1),
        }

    def _trained(
        self, state: State, asked: PredictRequest, start: int, stated: Ints
    ) -> dict[str, Any] | None:
        """What the active release says, what is stated left out unless it was asked for too."""
        left_out = np.zeros(len(state.replica), dtype=np.bool_)
        if not asked.known:
            left_out[stated] = True
        backwards = asked.head is None
        return trained_answers(
            self._settings, state, asked.relation, start, backwards=backwards, k=asked.k, known=left_out
        )

    def _mine(self, knowledge: Knowledge, config: MiningConfig) -> MinedRules:
        from chiasm_graph.rules import mine_rules

        if config not in knowledge.mined:
            if len(knowledge.mined) >= _MAX_MINED:
                knowledge.mined.clear()
            knowledge.mined[config] = mine_rules(knowledge.graph, config, facts=knowledge.cases.facts)
        found: MinedRules = knowledge.mined[config]
        return found


def _written(knowledge: Knowledge, text: str | None, relation: int | None) -> list[RatedRule]:
    """The caller's rules, or those of them that imply a relation."""
    from chiasm_graph.rules import read_rules

    if not text:
        return []
    found = read_rules(text, nodes=knowledge.rows, relations=knowledge.numbers)
    count = max(knowledge.graph.num_relations, 1)
    return [one for one in found if relation is None or one.rule.head % count == relation]


def _one(row: int) -> Ints:
    return np.array([row], dtype=np.int64)
