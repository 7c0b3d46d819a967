"""What other entities lose when one of them is indexed without a kind of evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from chiasm.search.column import Floats
from chiasm.search.evidence import heard_words, named_words
from chiasm.search.replica import Ints
from chiasm.search.scorer import Scores
from chiasm.search.sides import Evidence, Side
from chiasm.search.state import State
from chiasm_graph import nearby_without

if TYPE_CHECKING:
    from chiasm.fusion.runtime import FusionModel
    from chiasm.fusion.words import Words

__all__ = ["Removal"]

#: A node of so many edges is no hub any more once it has lost one (`chiasm_graph.nearby`).
_HUB_EDGES = 65


@dataclass(frozen=True)
class Removal:
    """One side of a query, ready to be asked what changes; vectors of other entities stay as they are.

    Args:
        state: Of the query.
        model: Of the release.
        side: Of the query.
        evidence: Of all entities.
        two_steps: Whether evidence of neighbours was made with all entities at hand.
    """

    state: State
    model: FusionModel
    side: Side
    evidence: Evidence
    two_steps: bool

    def logits(self, row: int, kind: str) -> tuple[Ints, Scores]:
        """Entities other than ``row`` that are judged otherwise without its ``kind``, ``(n,)``, and how."""
        near = {m: self._near(row, m, kind) for m in self.evidence.near if kind in (m, "graph")}
        words = {m: self._words(row, m, kind) for m in self.evidence.words if kind in ("text", "graph")}
        lonely = self._lonely(row) if kind == "graph" else np.zeros(0, dtype=np.int64)
        rows = np.unique(np.concatenate([lonely, *(found[0] for found in (*near.values(), *words.values()))]))
        rows = rows[rows != row]
        if not len(rows):
            return rows, np.zeros(0)
        at = self.evidence.at(rows)
        present = at.present.copy()
        present[np.isin(rows, lonely)] &= ~np.uint8(_graph_bit())
        changed = replace(
            at, present=present, near=_put(at.near, near, rows), words=_put(at.words, words, rows)
        )
        return rows, self.side.judge(self.model.ranking, changed)

    def _near(self, row: int, modality: str, kind: str) -> tuple[Ints, Floats]:
        own, near = self.evidence.own[modality], self.evidence.near[modality]
        graph, cut = self.state.replica.graph, kind == "graph"
        rows = np.flatnonzero(near == own[row])
        if cut:
            around = graph.neighbours(row)
            degrees = graph.degrees()[around]
            freed = [graph.neighbours(int(n)) for n in around[degrees == _HUB_EDGES]]
            rows = np.unique(np.concatenate([rows, around, *freed]))
        return rows, nearby_without(own, graph, rows, row, two_steps=self.two_steps, cut=cut)

    def _words(self, row: int, modality: str, kind: str) -> tuple[Ints, Floats]:
        assert self.model.words is not None
        named = named_words(self.state, self.model.words)
        words, entities = _gone(self.state, self.model.words, row, kind)
        if not len(words):
            return entities, np.zeros(0, dtype=np.float32)
        vectors, weights = self.side.items[modality]
        shares = np.asarray(weights, dtype=np.float32) / np.float32(sum(weights))
        activations = self.model.words.activations(np.stack(vectors))
        rows, told = named.links.without(activations, words, entities)
        return rows, np.asarray(shares @ told, dtype=np.float32)

    def _lonely(self, row: int) -> Ints:
        """Neighbours that have no other one."""
        graph = self.state.replica.graph
        around = graph.neighbours(row)
        return np.array([n for n in around.tolist() if len(graph.neighbours(n)) == 1], dtype=np.int64)


def _gone(state: State, words: Words, row: int, kind: str) -> tuple[Ints, Ints]:
    """Links of words to entities that hold by the name, or by the edges, of an entity alone."""
    graph, stub = state.replica.graph, state.replica.stub
    lost: list[tuple[Ints, int]] = []
    if stub[row]:
        # It is heard nowhere itself; its name, or its edges, lend words to its neighbours.
        for other in (n for n in graph.neighbours(row).tolist() if not stub[n]):
            heard = heard_words(state, words, other)
            lost.append((np.setdiff1d(heard.all, heard.of(("text", "graph"), gone=row)), other))
    else:
        heard = heard_words(state, words, row)
        lost.append((np.setdiff1d(heard.all, heard.of({"text", "graph"} - {kind})), row))
    entities = [np.full(len(found), entity) for found, entity in lost]
    nothing = np.zeros(0, dtype=np.int64)
    return np.concatenate([nothing, *(found for found, _ in lost)]), np.concatenate([nothing, *entities])


def _put(
    known: Mapping[str, Floats], changes: Mapping[str, tuple[Ints, Floats]], rows: Ints
) -> dict[str, Floats]:
    result = {m: values.copy() for m, values in known.items()}
    for modality, (where, values) in changes.items():
        here = np.isin(where, rows)
        result[modality][np.searchsorted(rows, where[here])] = values[here]
    return result


def _graph_bit() -> int:
    from chiasm.fusion.ranking import BITS

    return BITS["graph"]
