"""What a workspace states between entities, for rules and cases: the part of the replica that users gave."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Triple
from chiasm.origins import GIVEN
from chiasm.search.replica import Replica
from chiasm.search.state import State
from chiasm_graph import Triples

if TYPE_CHECKING:
    from chiasm_graph.rules import CaseBase

__all__ = ["Knowledge", "knowledge_of"]

_NAME = "reasoning"


@dataclass(frozen=True)
class Knowledge:
    """A replica, and the statements in it that users gave; kept as long as the replica is."""

    replica: Replica
    #: Nodes are rows of the replica, relations positions in `predicates`.
    graph: Triples
    #: What was mined, by how; filled by `Reasoning`.
    mined: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def rows(self) -> dict[str, int]:
        """Key of each live entity to its row."""
        return {self.replica.keys[row]: row for row in np.flatnonzero(self.replica.live).tolist()}

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Name of a relation to its number."""
        return {name: number for number, name in enumerate(self.replica.predicates) if name}

    @cached_property
    def cases(self) -> CaseBase:
        """The graph, indexed for rules (`cases.facts`) and for cases."""
        from chiasm_graph.rules import CaseBase, FactIndex

        return CaseBase(FactIndex(self.graph))

    def named(self, fact: tuple[int, int, int]) -> list[str]:
        """A fact by its names."""
        head, relation, tail = fact
        return [self.replica.keys[head], self.replica.predicates[relation], self.replica.keys[tail]]


def knowledge_of(state: State, catalog: Catalog) -> Knowledge:
    """The statements of a workspace, as users gave them."""
    if _NAME not in state.derived:
        state.derived[_NAME] = Knowledge(state.replica, _given(state.replica, catalog, state.workspace_id))
    found: Knowledge = state.derived[_NAME]
    return found


def _given(replica: Replica, catalog: Catalog, workspace_id: int) -> Triples:
    """Rules are not mined from what rules said, or they would confirm themselves."""
    graph, live = replica.graph, replica.live
    kept = live[graph.heads] & live[graph.tails]
    if set(replica.origins) <= set(GIVEN):
        return graph.select(kept)
    others = select(Triple.id).where(Triple.workspace_id == workspace_id, Triple.origin.not_in(GIVEN))
    with catalog.read() as session:
        derived = np.asarray(session.scalars(others).all(), dtype=np.int64)
    return graph.select(kept & ~np.isin(replica.triple_ids, derived))
