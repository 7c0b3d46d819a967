"""Rules and predictions of a workspace, kept until what it states changes."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Workspace
from chiasm.errors import translated
from chiasm.reasoning.asked import PredictRequest, RulesRequest
from chiasm.reasoning.knowledge import Knowledge, load_knowledge
from chiasm.reasoning.told import told_prediction, told_rule

if TYPE_CHECKING:
    from chiasm_graph.rules import MinedRules, MiningConfig, RatedRule

__all__ = ["Reasoning"]

#: Results of mining, and workspaces, that are kept.
_MAX_MINED = 64
_MAX_WORKSPACES = 8
#: What a prediction weighs; rules that are listed are surer.
_LEAST_CONFIDENCE = 0.01


class Reasoning:
    """Mines, applies and explains; safe to share between threads.

    The graph is read from SQL once a revision of the workspace, and what was mined of it is kept in memory beside
    it. Nothing is written: another process mines again, which a prediction does for its one relation only.

    Args:
        catalog: Of the home.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        # Two requests at once must not mine the same twice.
        self._lock = threading.RLock()
        self._known: OrderedDict[int, Knowledge] = OrderedDict()
        self._mined: OrderedDict[tuple[int, MiningConfig], MinedRules] = OrderedDict()

    def rules(self, workspace_id: int, asked: RulesRequest) -> dict[str, Any]:
        """`{"revision", "count", "rules": [...], "out_of_time", "seconds"}`, the caller's own rules first.

        Raises:
            NotFoundError: There is no such relation; near ones are named.
            InputError: A rule of the caller's cannot be read.
        """
        from chiasm_graph.rules import MiningConfig, measured

        with self._lock, translated():
            knowledge = self._current(workspace_id)
            number = None if asked.relation is None else knowledge.relation(asked.relation)
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
            mined = self._mine(workspace_id, knowledge, config)
        listed = [*own, *mined.rules]
        return {
            "revision": knowledge.revision,
            "count": len(listed),
            "rules": [told_rule(knowledge, one) for one in listed[: asked.limit]],
            "out_of_time": mined.out_of_time,
            "seconds": round(mined.seconds, 3),
        }

    def predict(self, workspace_id: int, asked: PredictRequest) -> dict[str, Any]:
        """What may stand at the other end, best first, each with its facts, rules and cases.

        Raises:
            NotFoundError: There is no such entity or relation; near ones are named.
            InputError: A rule of the caller's cannot be read.
        """
        from chiasm_graph.rules import MiningConfig, Reasoner

        began = time.perf_counter()
        with self._lock, translated():
            knowledge = self._current(workspace_id)
            number = knowledge.relation(asked.relation)
            start = knowledge.row(asked.head if asked.head is not None else asked.tail or "")
            config = MiningConfig(
                min_confidence=_LEAST_CONFIDENCE,
                max_seconds=asked.max_seconds,
                seed=asked.seed,
                heads=frozenset({number}),
            )
            mined = self._mine(workspace_id, knowledge, config)
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
            "revision": knowledge.revision,
            "known": [
                {"key": knowledge.keys[row], "title": knowledge.titles[row]} for row in stated.tolist()
            ],
            "predictions": [
                {"rank": rank, **told_prediction(knowledge, one)} for rank, one in enumerate(found, start=1)
            ],
            "out_of_time": mined.out_of_time,
            "took_ms": round((time.perf_counter() - began) * 1000.0, 1),
        }

    def _current(self, workspace_id: int) -> Knowledge:
        with self._catalog.read() as session:
            revision = session.scalar(select(Workspace.revision).where(Workspace.id == workspace_id)) or 0
            known = self._known.get(workspace_id)
            if known is None or known.revision != revision:
                known = load_knowledge(session, workspace_id, revision)
                for name in [name for name in self._mined if name[0] == workspace_id]:
                    del self._mined[name]
        self._known[workspace_id] = known
        self._known.move_to_end(workspace_id)
        while len(self._known) > _MAX_WORKSPACES:
            self._known.popitem(last=False)
        return known

    def _mine(self, workspace_id: int, knowledge: Knowledge, config: MiningConfig) -> MinedRules:
        from chiasm_graph.rules import mine_rules

        name = (workspace_id, config)
        if name not in self._mined:
            self._mined[name] = mine_rules(knowledge.graph, config, facts=knowledge.cases.facts)
        self._mined.move_to_end(name)
        while len(self._mined) > _MAX_MINED:
            self._mined.popitem(last=False)
        return self._mined[name]


def _written(knowledge: Knowledge, text: str | None, relation: int | None) -> list[RatedRule]:
    """The caller's rules, or those of them that imply a relation."""
    from chiasm_graph.rules import read_rules

    if not text:
        return []
    found = read_rules(text, nodes=knowledge.rows, relations=knowledge.numbers)
    count = max(len(knowledge.relations), 1)
    return [one for one in found if relation is None or one.rule.head % count == relation]


def _one(row: int) -> Any:
    import numpy as np

    return np.array([row], dtype=np.int64)
