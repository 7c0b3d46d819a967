"""Facts by half-relation, for following them and asking whether they are there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm_graph.spans import spread
from chiasm_graph.triples import Triples

__all__ = ["FactIndex", "Walks"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Walks(NamedTuple):
    """Walks along a body, each node on it once."""

    #: (walks,) position of the start
    owner: Ints
    #: body + 1 arrays (walks,): the start, what lies between, the end
    nodes: list[Ints]
    #: (starts,) whether all walks of that start are there
    whole: Bools


class FactIndex:
    """Both directions of each fact, sorted by half-relation, start and end.

    A fact counts once however often it stands there, and self-loops are left out: no rule has one (see `Rule`).

    Args:
        graph: What is known.
    """

    def __init__(self, graph: Triples) -> None:
        self.num_nodes, self.num_relations = graph.num_nodes, graph.num_relations
        n, count = max(graph.num_nodes, 1), graph.num_relations
        rows = np.flatnonzero(graph.heads != graph.tails)
        heads, relations, tails = graph.heads[rows], graph.relations[rows], graph.tails[rows]
        here, there = np.concatenate([heads, tails]), np.concatenate([tails, heads])
        half = np.concatenate([relations, relations + count])
        order = np.lexsort((there, here, half))
        here, there, half = here[order], there[order], half[order]
        fresh = np.ones(len(half), dtype=np.bool_)
        fresh[1:] = (half[1:] != half[:-1]) | (here[1:] != here[:-1]) | (there[1:] != there[:-1])
        self._here, self._there, self._half = here[fresh], there[fresh], half[fresh]
        #: (2 * relations + 1,) first fact of each half-relation
        self._begin = np.searchsorted(self._half, np.arange(2 * count + 1))
        self._pair = self._here * n + self._there
        first = np.ones(len(self._half), dtype=np.bool_)
        first[1:] = (self._half[1:] != self._half[:-1]) | (self._here[1:] != self._here[:-1])
        self._at = np.append(np.flatnonzero(first), len(self._half))
        self._start = self._here[self._at[:-1]]
        self._starts_begin = np.searchsorted(self._half[self._at[:-1]], np.arange(2 * count + 1))
        by_pair = np.argsort(self._pair, kind="stable")
        self._pairs, self._pair_half = self._pair[by_pair], self._half[by_pair]

    def inverse(self, half: int) -> int:
        """The half-relation read the other way."""
        return half - self.num_relations if half >= self.num_relations else half + self.num_relations

    def facts(self, half: int) -> tuple[Ints, Ints]:
        """Starts and ends of all facts of a half-relation, each ``(facts,)``."""
        span = slice(self._begin[half], self._begin[half + 1])
        return self._here[span], self._there[span]

    def starts(self, half: int) -> Ints:
        """Nodes with a fact of that half-relation, ascending, ``(n,)``."""
        return self._start[self._starts_begin[half] : self._starts_begin[half + 1]]

    def follow(self, half: int, nodes: Ints) -> tuple[Ints, Ints]:
        """Where a half-relation leads: position in ``nodes`` and end, each ``(facts,)``."""
        owner, at = spread(*self._spans(half, nodes))
        return owner, self._there[at]

    def degree(self, half: int, nodes: Ints) -> Ints:
        """Facts of a half-relation at each node, ``(n,)``."""
        return self._spans(half, nodes)[1]

    def has(self, half: int, heads: Ints, tails: Ints) -> Bools:
        """Whether each pair is a fact of the half-relation, ``(n,)``."""
        known = self._pair[self._begin[half] : self._begin[half + 1]]
        wanted = heads * self.num_nodes + tails
        at = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
        return known[at] == wanted if len(known) else np.zeros(len(wanted), dtype=np.bool_)

    def between(self, heads: Ints, tails: Ints) -> tuple[Ints, Ints]:
        """All half-relations that join each pair: position of the pair and half-relation, each ``(facts,)``."""
        wanted = heads * self.num_nodes + tails
        at = np.searchsorted(self._pairs, wanted)
        owner, place = spread(at, np.searchsorted(self._pairs, wanted, side="right") - at)
        return owner, self._pair_half[place]

    def walk(self, body: tuple[int, ...], starts: Ints, *, max_walks: int, max_each: int) -> Walks:
        """All walks along a body from some starts, as far as the limits go.

        A start with more than ``max_each`` walks is a hub and gives none; once there are ``max_walks``, later starts
        give none. A start is taken whole or not at all, so that shares over what comes back are no worse for it.
        """
        owner = np.arange(len(starts))
        nodes, whole = [starts], np.ones(len(starts), dtype=np.bool_)
        for half in body:
            ahead = np.bincount(owner, weights=self.degree(half, nodes[-1]), minlength=len(starts))
            whole &= ahead <= max_each
            whole &= np.cumsum(np.where(whole, ahead, 0)) <= max_walks
            kept = whole[owner]
            owner, nodes = owner[kept], [column[kept] for column in nodes]
            at, there = self.follow(half, nodes[-1])
            owner, nodes = owner[at], [column[at] for column in nodes]
            fresh = np.ones(len(there), dtype=np.bool_)
            for column in nodes:
                fresh &= column != there
            owner, nodes = owner[fresh], [column[fresh] for column in (*nodes, there)]
        return Walks(owner, nodes, whole)

    def _spans(self, half: int, nodes: Ints) -> tuple[Ints, Ints]:
        """First fact and number of facts of each node, each ``(n,)``."""
        base = self._starts_begin[half]
        known = self._start[base : self._starts_begin[half + 1]]
        if not len(known):
            return np.zeros(len(nodes), dtype=np.int64), np.zeros(len(nodes), dtype=np.int64)
        place = np.minimum(np.searchsorted(known, nodes), len(known) - 1)
        begin, end = self._at[base + place], self._at[base + place + 1]
        return begin, np.where(known[place] == nodes, end - begin, 0)
