"""The sides of a query in the fused space, and what each has in common with entities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from chiasm.search.asked import Asked
from chiasm.search.column import Floats
from chiasm.search.evidence import near_values, own_values, values_of, word_values
from chiasm.search.query import MODALITIES
from chiasm.search.replica import Ints
from chiasm.search.scorer import Scores
from chiasm.search.state import State

if TYPE_CHECKING:
    from chiasm.fusion.ranking import Ranking
    from chiasm.fusion.runtime import FusionModel

__all__ = ["Evidence", "Side", "evidence_of", "present_codes", "side_of"]

Codes = npt.NDArray[np.uint8]
#: Modality of the query's items to a value an entity, NaN where it has none.
Known = Mapping[str, Floats]


@dataclass(frozen=True)
class Evidence:
    """What one side of a query has in common with some entities; all arrays ``(n,)``."""

    #: Cosine in the fused space.
    fused: Floats
    #: What each entity is judged on, as `chiasm.fusion.ranking.code_of`.
    present: Codes
    own: Known
    near: Known
    words: Known

    def at(self, rows: Ints) -> Evidence:
        """The same for some of the entities."""
        own, near, words = (
            {m: values[rows] for m, values in known.items()} for known in (self.own, self.near, self.words)
        )
        return Evidence(self.fused[rows], self.present[rows], own, near, words)


@dataclass(frozen=True)
class Side:
    """All positive parts of a query together, or one negative part."""

    #: In the fused space, ``(dim,)``.
    vector: Floats
    #: Modality to the given items ``(dim,)`` and their weights; entities and raw vectors give none.
    items: Mapping[str, tuple[Sequence[Floats], Sequence[float]]]
    #: Weight of the entities and raw vectors in it.
    stored: float = 0.0

    def judge(self, ranking: Ranking, evidence: Evidence) -> Scores:
        """Logits, ``(n,)``: the ranking's mean over modalities, weighted as the query is.

        Entities and vectors among the parts count by the fused cosine alone.
        """
        total, whole = np.zeros(evidence.fused.shape), 0.0
        for modality, (_, weights) in self.items.items():
            weight = sum(weights) / len(weights)
            known = (evidence.own, evidence.near, evidence.words)
            given = [{modality: kind[modality]} if modality in kind else {} for kind in known]
            total += weight * ranking.logits(evidence.fused, *given, present=evidence.present)
            whole += weight
        if self.stored or not whole:
            weight = self.stored or 1.0
            total += weight * ranking.logits(evidence.fused, present=evidence.present)
            whole += weight
        return total / whole


def side_of(model: FusionModel, parts: Sequence[Asked]) -> Side:
    """Texts, pictures and sounds are fused like an entity of few tokens; entities stand for their vectors."""
    given = [one for one in parts if one.fused is None and one.features]
    stored = [(abs(one.part.weight), one.fused) for one in parts if one.fused is not None]
    if given:
        stored.append((sum(abs(one.part.weight) for one in given), _fuse(model, given)))
    of_stored = abs(sum(one.part.weight for one in parts if one.fused is not None))
    vector = np.sum([weight * vector for weight, vector in stored], axis=0)
    items: dict[str, tuple[list[Floats], list[float]]] = {}
    for one in given:
        # An entity that is not fused yet is searched by its vectors, but is no evidence of its own.
        for modality, vectors in one.features.items() if one.row is None else ():
            known = items.setdefault(modality, ([], []))
            known[0].append(vectors[0])
            known[1].append(abs(one.part.weight))
    return Side(np.asarray(vector / max(np.linalg.norm(vector), 1e-12), dtype=np.float32), items, of_stored)


def evidence_of(state: State, model: FusionModel, side: Side, rows: Ints | None) -> Evidence:
    """What a side has in common with entities.

    Args:
        state: With a column ``fused``.
        model: Of the release.
        side: Of the query.
        rows: Entities that matter; None where all spaces are small, and everything is at hand.

    Returns:
        Over ``rows``, or over all entities.
    """
    columns, replica, ranking = state.columns, state.replica, model.ranking
    fused = values_of(columns["fused"], side.vector[None], rows)[0]
    around = None if rows is None else replica.graph.neighbourhood(rows, 1)
    known: tuple[dict[str, Floats], ...] = ({}, {}, {})
    own, near, words = known
    for modality, (vectors, weights) in side.items.items():
        how = ranking.queries.get(modality, ranking.default)
        # Every modality of the query is named, so that its weights count even where nothing is known.
        own[modality] = np.full(len(replica), np.nan, dtype=np.float32)
        if modality in columns and (how.own or how.near or how.same):
            own[modality] = own_values(columns[modality], vectors, weights, around)
        if how.near or how.own_near:
            near[modality] = near_values(replica, own[modality], rows)
        if how.words and model.words is not None:
            words[modality] = word_values(state, model.words, vectors, weights)
    found = Evidence(fused, present_codes(state), own, near, words)
    return found if rows is None else found.at(rows)


def present_codes(state: State) -> Codes:
    """What each entity is judged on, ``(rows,)``; not to be written to."""
    from chiasm.fusion.ranking import BITS

    # Spaces may have changed though no entity has.
    views = [state.columns[m].view for m in MODALITIES if m in state.columns]
    name = ("codes", *((view.space_id, view.generation) for view in views))
    if name in state.derived:
        known: Codes = state.derived[name]
        return known
    codes = np.where(state.replica.linked, BITS["graph"], 0).astype(np.uint8)
    for modality in MODALITIES:
        if modality in state.columns:
            codes |= np.where(state.columns[modality].present, BITS[modality], 0).astype(np.uint8)
    state.derived[name] = codes
    return codes


def _fuse(model: FusionModel, given: Sequence[Asked]) -> Floats:
    tokens: dict[str, list[Floats]] = {}
    weights: dict[str, list[float]] = {}
    for one in given:
        for modality, vectors in one.features.items():
            tokens.setdefault(modality, []).append(vectors)
            weights.setdefault(modality, []).append(abs(one.part.weight))
    means = {modality: sum(found) / len(found) for modality, found in weights.items()}
    item = {modality: np.concatenate(found) for modality, found in tokens.items()}
    # Only their proportions count; equal ones are no weights at all.
    uneven = len(set(means.values())) > 1
    return model.fuse([item], weights=means if uneven else None)[0]
