"""Nearest cases: nodes that resemble one, and what holds of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm_graph.rules.facts import FactIndex

__all__ = ["CaseBase", "Votes"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
#: A fact shared by more nodes makes nobody alike, and would cost their square.
_MOST_MEMBERS = 5_000
#: Similarities that are looked at at a time, which bounds memory.
_CELLS = 4_000_000
#: What is nearest counts most.
_SHARPNESS = 2.0


class Votes(NamedTuple):
    """Which case speaks for what, each ``(votes,)``."""

    #: Position of the start.
    owner: Ints
    candidate: Ints
    case: Ints
    #: Share of the start's votes, in 0..1.
    weight: Floats


class CaseBase:
    """Nodes compared by the facts that they share, the rare ones most (cosine of inverse document frequencies).

    After "A simple approach to case-based reasoning in knowledge bases" (Das 2020), with the cases' own answers in
    place of the paths that lead to them.

    Args:
        facts: What is known.
    """

    def __init__(self, facts: FactIndex) -> None:
        self.facts = facts
        self._rows, self._names = _profiles(facts)

    def vote(self, half: int, starts: Ints, *, cases: int = 30) -> Votes:
        """What the nearest nodes that have some fact of ``half`` say about ``(start, half, ?)``.

        Args:
            half: A relation, or one read backwards.
            starts: Nodes, ``(n,)``.
            cases: Nodes that vote for each start.
        """
        peers = self.facts.starts(half)
        step = max(1, _CELLS // max(len(peers), 1))
        found = [
            self._chunk(half, begin, starts[begin : begin + step], peers, cases)
            for begin in range(0, len(starts), step)
        ]
        if not found:
            nothing = np.zeros(0, dtype=np.int64)
            return Votes(nothing, nothing, nothing, nothing.astype(np.float64))
        return Votes(*(np.concatenate(columns) for columns in zip(*found, strict=True)))

    def shared(self, one: int, other: int, *, limit: int = 5) -> list[tuple[int, int, int]]:
        """Facts of ``one`` that ``other`` has too, the rarest first, as ``(head, relation, tail)``."""
        common = self._rows[one].multiply(self._rows[other]).tocoo()
        order = np.argsort(-common.data, kind="stable")[:limit]
        told = []
        for name in self._names[common.col[order]].tolist():
            half, end = divmod(name, self.facts.num_nodes)
            inverse = half >= self.facts.num_relations
            told.append((end, half - self.facts.num_relations, one) if inverse else (one, half, end))
        return told

    def _chunk(self, half: int, begin: int, starts: Ints, peers: Ints, cases: int) -> tuple[Any, ...]:
        alike = np.asarray((self._rows[starts] @ self._rows[peers].T).todense(), dtype=np.float64)
        alike[starts[:, None] == peers[None, :]] = 0.0
        taken = min(cases, len(peers))
        # Equal ones in the order of their numbers: the same question has the same answer.
        best = np.argsort(-alike, axis=1, kind="stable")[:, :taken]
        weight = np.take_along_axis(alike, best, axis=1) ** _SHARPNESS
        total = weight.sum(axis=1, keepdims=True)
        weight = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
        owner, place = np.nonzero(weight)
        at, ends = self.facts.follow(half, peers[best[owner, place]])
        kept = ends != starts[owner[at]]
        at, ends = at[kept], ends[kept]
        return begin + owner[at], ends, peers[best[owner, place]][at], weight[owner, place][at]


def _profiles(facts: FactIndex) -> tuple[Any, Ints]:
    """Rows of unit length, sparse ``(nodes, facts)``, and what each column is: ``half * nodes + end``."""
    from scipy import sparse

    count, n = 2 * facts.num_relations, max(facts.num_nodes, 1)
    each = [facts.facts(half) for half in range(count)]
    nothing = np.zeros(0, dtype=np.int64)
    here = np.concatenate([nothing, *(starts for starts, _ in each)])
    there = np.concatenate([nothing, *(ends for _, ends in each)])
    half = np.repeat(np.arange(count), [len(ends) for ends, _ in each])
    names, column, members = np.unique(half * n + there, return_inverse=True, return_counts=True)
    rarity = np.where(members <= _MOST_MEMBERS, np.log(n / members) + 1e-6, 0.0)
    weights = rarity[column]
    length = np.sqrt(np.bincount(here, weights=weights**2, minlength=facts.num_nodes))
    values = weights / np.maximum(length[here], 1e-12)
    rows = sparse.csr_matrix((values, (here, column)), shape=(facts.num_nodes, len(names)))
    rows.eliminate_zeros()
    return rows, names
