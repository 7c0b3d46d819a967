"""The fused space: one vector for the query, ranked together with same-modality evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from chiasm.search.asked import Asked
from chiasm.search.column import Floats
from chiasm.search.evidence import near_values, own_values, word_values
from chiasm.search.query import MODALITIES
from chiasm.search.replica import Bools, Ints
from chiasm.search.scorer import CANDIDATES, Scorer, Scores, Shares, demoted, demotion
from chiasm.search.state import State

if TYPE_CHECKING:
    from chiasm.fusion.runtime import FusionModel

__all__ = ["FusedScorer"]

_SMALL = 1e-6
#: Modality to evidence of each entity, NaN where it has none.
Known = Mapping[str, Floats]


@dataclass
class _Side:
    """All positive parts together, or one negative part."""

    #: In the fused space, ``(dim,)``.
    vector: Floats
    #: Modality to the given items ``(dim,)`` and their weights; entities and raw vectors give none.
    items: dict[str, tuple[list[Floats], list[float]]]
    #: Weight of the entities and raw vectors in it.
    stored: float = 0.0
    fused: Floats | None = None
    own: dict[str, Floats] = field(default_factory=dict)
    near: dict[str, Floats] = field(default_factory=dict)
    words: dict[str, Floats] = field(default_factory=dict)


class FusedScorer(Scorer):
    """Scores by the ranking of a release.

    The texts, pictures and sounds of the query are fused into one vector like an entity with few tokens;
    an entity stands for its stored vector; several such are averaged by weight.

    Args:
        state: With a column ``fused``.
        asked: The parts; at least one positive part is usable.
        model: Of the release.
    """

    def __init__(self, state: State, asked: Sequence[Asked], model: FusionModel) -> None:
        super().__init__(state, asked)
        self._model = model
        self._sides = [_side(model, self.positive), *(_side(model, [one]) for one in self.negative)]

    def scores(self, allowed: Bools) -> Scores:
        """Calibrated probabilities of relevance."""
        rows = self._candidates(allowed)
        pool = np.flatnonzero(allowed) if rows is None else rows[allowed[rows]]
        logits = [self._logits(side, rows) for side in self._sides]
        total, self._scales = logits[0], []
        for one, unwanted in zip(self.negative, logits[1:], strict=True):
            total, scale = demoted(total, unwanted, self.negative_share(one), pool)
            self._scales.append(scale)
        return _sigmoid(total)

    def shares(self, rows: Sequence[int]) -> list[Shares]:
        """How far the logit falls when a modality is left out and the entity is fused again."""
        tokens = [self._tokens(row) for row in rows]
        subsets = [subset for one in tokens for subset in _subsets(one)]
        vectors = iter(self._model.fuse(subsets) if subsets else ())
        return [self._shares_of(row, one, vectors) for row, one in zip(rows, tokens, strict=True)]

    def cosines(self, rows: Sequence[int]) -> list[dict[str, float]]:
        """The cosine in the fused space, and those to the entity's own items by modality."""
        side = self._sides[0]
        kinds = {**side.own, **({"fused": side.fused} if side.fused is not None else {})}
        return [
            {kind: float(values[row]) for kind, values in kinds.items() if not np.isnan(values[row])}
            for row in rows
        ]

    def _shares_of(self, row: int, tokens: Mapping[str, Floats], vectors: Iterator[Floats]) -> Shares:
        if len(tokens) < 2:
            return Shares(dict.fromkeys(tokens, 1.0), {})
        whole = self._logit_of(row, next(vectors), None)
        without = {kind: self._logit_of(row, next(vectors), kind) for kind in tokens}
        falls = {kind: max(whole - logit, 0.0) + _SMALL for kind, logit in without.items()}
        total = sum(falls.values())
        scores = {kind: float(_sigmoid(np.array(logit))) for kind, logit in without.items()}
        return Shares({kind: fall / total for kind, fall in falls.items()}, scores)

    def _candidates(self, allowed: Bools) -> Ints | None:
        """Rows worth scoring; None where the spaces are small enough to score everything."""
        columns, replica = self.state.columns, self.state.replica
        if not any(column.large for column in columns.values()):
            return None
        side = self._sides[0]
        found = [columns["fused"].candidates(side.vector, CANDIDATES, allowed)]
        everyone = np.ones(len(replica), dtype=np.bool_)
        for modality, (vectors, _) in side.items.items():
            if modality in columns:
                # Not only of the allowed: what is found may be a neighbour of an allowed entity.
                owners = [columns[modality].candidates(v, CANDIDATES, everyone) for v in vectors]
                found.append(replica.graph.neighbourhood(np.unique(np.concatenate(owners)), 1))
        return np.unique(np.concatenate([*found, self.also]))

    def _logits(self, side: _Side, rows: Ints | None) -> Scores:
        columns, ranking = self.state.columns, self._model.ranking
        side.fused = columns["fused"].values(side.vector[None], rows)[0]
        around = None if rows is None else self.state.replica.graph.neighbourhood(rows, 1)
        for modality, (vectors, weights) in side.items.items():
            how = ranking.queries.get(modality, ranking.default)
            # Every modality of the query is named, so that its weights count even where nothing is known.
            side.own[modality] = np.full(len(self.state.replica), np.nan, dtype=np.float32)
            if modality in columns and (how.own or how.near or how.same):
                side.own[modality] = own_values(columns[modality], vectors, weights, around)
            if how.near or how.own_near:
                side.near[modality] = near_values(self.state.replica, side.own[modality], rows)
            if how.words and self._model.words is not None:
                told = word_values(self.state, self._model.words, vectors, weights)
                side.words[modality] = told
        return self._judged(side, side.fused, side.own, side.near, side.words)

    def _judged(self, side: _Side, fused: Floats, own: Known, near: Known, words: Known) -> Scores:
        """The ranking's mean over modalities, weighted as the query is; entities count by ``fused`` alone."""
        ranking, total, whole = self._model.ranking, np.zeros(fused.shape), 0.0
        for modality, (_, weights) in side.items.items():
            weight = sum(weights) / len(weights)
            evidence = [{modality: kind[modality]} if modality in kind else {} for kind in (own, near, words)]
            total += weight * ranking.logits(fused, *evidence)
            whole += weight
        if side.stored or not whole:
            weight = side.stored or 1.0
            total += weight * ranking.logits(fused)
            whole += weight
        return total / whole

    def _logit_of(self, row: int, vector: Floats, left: str | None) -> float:
        """The logit of an entity with another fused vector, without its own evidence of a modality."""
        logits = []
        for side in self._sides:
            own = {m: _at(values, row, hide=m == left) for m, values in side.own.items()}
            near = {m: _at(values, row, hide=left == "graph") for m, values in side.near.items()}
            words = {m: _at(values, row, hide=left == "graph") for m, values in side.words.items()}
            logits.append(self._judged(side, np.array([side.vector @ vector]), own, near, words))
        total = logits[0]
        for unwanted, scale in zip(logits[1:], self._scales, strict=True):
            total = total - demotion(unwanted, scale)
        return float(total[0])

    def _tokens(self, row: int) -> Mapping[str, Floats]:
        tokens = {}
        for kind in (*MODALITIES, "graph"):
            column = self.state.columns.get(kind)
            if column is not None and kind in self._model.feature_dims:
                items = column.items_of(row)
                if len(items):
                    tokens[kind] = items
        return tokens


def _subsets(tokens: Mapping[str, Floats]) -> list[Mapping[str, Floats]]:
    """All tokens, then all but those of each kind; none of it where there is only one kind."""
    if len(tokens) < 2:
        return []
    return [tokens, *({k: v for k, v in tokens.items() if k != left} for left in tokens)]


def _side(model: FusionModel, parts: Sequence[Asked]) -> _Side:
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
    return _Side(np.asarray(vector / max(np.linalg.norm(vector), 1e-12), dtype=np.float32), items, of_stored)


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


def _at(values: Floats, row: int, *, hide: bool) -> Floats:
    return np.array([np.nan if hide else values[row]], dtype=np.float32)


def _sigmoid(logits: Scores) -> Scores:
    return 1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0)))
