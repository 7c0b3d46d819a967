"""Why hits of the fused space have their scores: parts of each are left out, and it is fused again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from chiasm.search.column import Floats
from chiasm.search.evidence import HeardWords, heard_words, named_words
from chiasm.search.removal import Removal
from chiasm.search.replica import Bools, Ints
from chiasm.search.scorer import Reasons, Scores, demotion
from chiasm.search.shapley import coalitions, shapley
from chiasm.search.sides import Evidence, Side, evidence_of
from chiasm.search.tokens import Tokens, graph_tokens, known_graph, tokens_of
from chiasm_graph import TreeSampler, nearby_without

if TYPE_CHECKING:
    from chiasm.search.fused import FusedScorer

__all__ = ["FusedReasons"]

KINDS = ("text", "image", "audio", "graph")
#: Values that differ by less are equal: sums of floats in another order.
_SAME = 1e-5
#: Neighbours of a hit that are left out one by one: all of most entities.
_MAX_NEIGHBOURS = 24


@dataclass(frozen=True)
class _Case:
    """A hit of which only some kinds of evidence are known, or without one neighbour."""

    row: int
    kinds: frozenset[str]
    tokens: Tokens
    #: A neighbour that counts as not there.
    gone: int | None = None


@dataclass
class _Game:
    """The cases of one hit, by their place among all."""

    row: int
    players: tuple[str, ...]
    worth: dict[frozenset[str], int] = field(default_factory=dict)
    #: Neighbour -> case.
    edges: dict[int, int] = field(default_factory=dict)


class FusedReasons:
    """Reasons for the hits of one query, all of them in a few batches.

    An entity is fused from the tokens that are left, loses its own evidence with a modality and all evidence
    of neighbours and words with the graph. Nothing at all is a vector at right angles to the query.

    Args:
        scorer: After it has scored.
        allowed: Entities that may be hits, ``(rows,)``.
    """

    def __init__(self, scorer: FusedScorer, allowed: Bools) -> None:
        self._scorer, self._allowed = scorer, allowed
        self._state, self._model = scorer.state, scorer.model
        rows = None
        if scorer.found is not None:
            # Candidates are enough for hits, not for the rank of what is hardly like the query any more.
            rows = np.arange(len(self._state.replica))
        self._two_steps = rows is None
        self._evidence = (
            scorer.evidence
            if rows is None
            else [evidence_of(self._state, self._model, side, rows) for side in scorer.sides]
        )
        self._logits = [
            side.judge(self._model.ranking, one)
            for side, one in zip(scorer.sides, self._evidence, strict=True)
        ]
        self._pool = np.flatnonzero(allowed) if scorer.found is None else scorer.found[allowed[scorer.found]]
        self._heard: dict[int, HeardWords] = {}
        self._total, self._scales = scorer.combined(self._logits, self._pool)

    def of(self, rows: Ints) -> list[Reasons]:
        """The reasons of some hits."""
        self._cases: list[_Case] = []
        tokens = tokens_of(self._state, self._model, rows)
        games = [self._game(row, one) for row, one in zip(rows.tolist(), tokens, strict=True)]
        self._edges(games)
        vectors = self._fused()
        self._worths = [
            side.judge(self._model.ranking, self._evidence_of(n, vectors))
            for n, side in enumerate(self._scorer.sides)
        ]
        self._values = self._worths[0].copy()
        for unwanted, scale in zip(self._worths[1:], self._scales, strict=True):
            self._values -= demotion(unwanted, scale)
        return [self._reasons(game) for game in games]

    def _game(self, row: int, tokens: Tokens) -> _Game:
        linked = bool(self._state.replica.linked[row])
        game = _Game(row, tuple(k for k in KINDS if k in tokens or (k == "graph" and linked)))
        for some in coalitions(game.players):
            game.worth[some] = len(self._cases)
            kept = some | {"path"} if "graph" in some else some
            self._cases.append(_Case(row, some, {k: v for k, v in tokens.items() if k in kept}))
        return game

    def _edges(self, games: Sequence[_Game]) -> None:
        """Add a case for each neighbour that is left out."""
        pairs = [(game, n) for game in games if "graph" in game.players for n in self._neighbours(game.row)]
        rows = np.array([game.row for game, _ in pairs], dtype=np.int64)
        gone = np.array([neighbour for _, neighbour in pairs], dtype=np.int64)
        for (game, neighbour), vector in zip(
            pairs, graph_tokens(self._state, self._model, rows, gone), strict=True
        ):
            whole = self._cases[game.worth[frozenset(game.players)]]
            lost = {"graph", "path"} if neighbour in self._above(game.row) else {"graph"}
            tokens = {kind: values for kind, values in whole.tokens.items() if kind not in lost}
            if np.isfinite(vector).all():
                tokens["graph"] = vector[None]
            game.edges[neighbour] = len(self._cases)
            self._cases.append(_Case(game.row, whole.kinds, tokens, neighbour))

    def _neighbours(self, row: int) -> list[int]:
        """All neighbours, or those that the graph token reads and the ones most like the query."""
        around = self._state.replica.graph.neighbours(row)
        if len(around) <= _MAX_NEIGHBOURS:
            return around.tolist()
        sampler = TreeSampler(known_graph(self._state, self._model), self._model.fanout[:1])
        read = [sampler.sample([row]).hops[0].nodes]
        for values in self._evidence[0].own.values():
            told = values[around]
            read.append(around[np.argsort(-np.nan_to_num(told, nan=-2.0), kind="stable")[:1]])
        return np.unique(np.concatenate(read)).tolist()

    def _above(self, row: int) -> Ints:
        """What the path token of an entity is made of, ``(n,)``."""
        if self._model.paths is None:
            return np.zeros(0, dtype=np.int64)
        return self._model.paths.ancestors(known_graph(self._state, self._model), np.array([row])).ancestor

    def _fused(self) -> Floats:
        """Vectors of the cases as a space stores them, ``(cases, dim)``; zero where there is no token."""
        vectors = np.zeros((len(self._cases), self._model.dim), dtype=np.float32)
        some = [n for n, case in enumerate(self._cases) if case.tokens]
        if some:
            fused = self._model.fuse([self._cases[n].tokens for n in some])
            vectors[some] = fused.astype(np.float16).astype(np.float32)
        return vectors

    def _evidence_of(self, side: int, vectors: Floats) -> Evidence:
        """What a side has in common with the cases, ``(cases,)``."""
        whole = self._evidence[side].at(np.array([case.row for case in self._cases], dtype=np.int64))

        def keep(values: Floats, kind: str) -> Floats:
            return np.where([kind in case.kinds for case in self._cases], values, np.nan).astype(np.float32)

        own = {m: keep(values, m) for m, values in whole.own.items()}
        near = {m: keep(self._near(side, m, values), "graph") for m, values in whole.near.items()}
        words = {m: self._words(self._scorer.sides[side], m) for m in whole.words}
        codes = [sum(_bits()[kind] for kind in case.kinds) for case in self._cases]
        fused = vectors @ self._scorer.sides[side].vector
        return Evidence(fused, np.array(codes, dtype=np.uint8), own, near, words)

    def _near(self, side: int, modality: str, values: Floats) -> Floats:
        """Evidence of neighbours, which over two edges may be the hit's own come back."""
        values = values.copy()
        own, graph = self._evidence[side].own[modality], self._state.replica.graph
        for n, case in enumerate(self._cases):
            gone = case.gone if case.gone is not None else None if modality in case.kinds else case.row
            if gone is not None:
                rows, cut = np.array([case.row]), gone != case.row
                values[n] = nearby_without(own, graph, rows, gone, two_steps=self._two_steps, cut=cut)[0]
        return values

    def _words(self, side: Side, modality: str) -> Floats:
        """What words say about the cases: their own names by their text, those of bare neighbours by the graph."""
        words = self._model.words
        assert words is not None
        vectors, weights = side.items[modality]
        shares = np.asarray(weights, dtype=np.float32) / np.float32(sum(weights))
        activations = words.activations(np.stack(vectors))
        links = named_words(self._state, words).links
        found = np.full(len(self._cases), np.nan, dtype=np.float32)
        for n, case in enumerate(self._cases):
            if case.row not in self._heard:
                self._heard[case.row] = heard_words(self._state, words, case.row)
            found[n] = shares @ links.told(activations, self._heard[case.row].of(case.kinds, case.gone))
        return found

    def _reasons(self, game: _Game) -> Reasons:
        everyone = frozenset(game.players)
        # The stored vector made the score, also where its neighbours have changed since.
        whole = float(self._total[game.row])

        def worth(some: frozenset[str]) -> float:
            return whole if some == everyone else float(self._values[game.worth[some]])

        without = {k: self._rank(game, k) for k in game.players} if len(game.players) > 1 else {}
        full = float(self._values[game.worth[everyone]])
        edges = [(neighbour, full - float(self._values[at])) for neighbour, at in game.edges.items()]
        return Reasons(
            shares=shapley(game.players, worth),
            nothing=worth(frozenset()),
            everything=whole,
            without=dict(without),
            edges=sorted(edges, key=lambda edge: -abs(edge[1])),
            cosine=float(self._evidence[0].fused[game.row]),
        )

    def _rank(self, game: _Game, kind: str) -> int:
        """One more than the number of entities that score above what is left of a hit."""
        case = game.worth[frozenset(game.players) - {kind}]
        logits: list[Scores] = []
        for n, side in enumerate(self._scorer.sides):
            changed = self._logits[n].copy()
            removal = Removal(self._state, self._model, side, self._evidence[n], self._two_steps)
            rows, values = removal.logits(game.row, kind)
            changed[rows] = values
            changed[game.row] = self._worths[n][case]
            logits.append(changed)
        total = self._scorer.combined(logits, self._pool)[0]
        return int((total[self._allowed] > total[game.row] + _SAME).sum()) + 1


def _bits() -> dict[str, int]:
    from chiasm.fusion.ranking import BITS

    return BITS
