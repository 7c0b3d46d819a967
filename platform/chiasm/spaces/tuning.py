"""How hard an index has to look: found out on the data itself when it is built, and stored with the segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from chiasm.spaces.kinds.base import Bools, Effort, Floats, Halves, IndexKind, Ints, blocks_of, faiss_module
from chiasm.spaces.kinds.exact import gather_cost, scan_cost

__all__ = ["RECALL", "SHARES", "Knob", "selector_of", "tune"]

#: Share of the exact answer that an index has to find.
RECALL = 0.99
#: Filters that are tried: shares of the rows that pass.
SHARES = (1.0, 0.5, 0.1, 0.02)
_KS = (10, 100)
#: Those that go astray miss all ten at once, so fewer would say little.
_QUERIES = 1200
#: Of five, in turns: rows, mixtures, far ones.
_SORTS = (0, 1, 0, 1, 2)
#: Length of what is added to a mixture: near to the data, and least and greatest length far off it.
_NOISE, _FAR_NOISE = 0.3, (1.0, 2.5)
#: Mixtures and what lies a little off the data are harder than what is asked: so many times as much may be missed of
#: them.
_LEAVE = 2.0
#: What an index was made of is easier to find than what is asked: so much of what may be missed must be left.
_MARGIN = 0.3
#: At most this share of the queries like the data is taken for far off.
_DOUBTED = 0.05
#: So much less than is wanted, found by few queries, is no accident.
_CLEARLY = 0.01
_SEED = 99


class Knob(NamedTuple):
    """What one effort was found to reach."""

    #: Of the rows that a filter lets pass.
    share: float
    k: int
    #: For queries whose best row has at least the cosine `near`, as those have that are like the data.
    effort: Effort
    #: Share of the exact answer found on the sample.
    recall: float
    near: float
    #: For any query; None: nothing is cheaper than an exact answer.
    careful: Effort | None

    @classmethod
    def read(cls, values: Any) -> Knob:
        """From a manifest.

        Raises:
            TypeError: It is no knob.
            ValueError: Its figures make no sense.
            KeyError: A figure is missing.
        """
        effort = _read_effort(values["effort"])
        # Segments of before had one effort for all.
        careful = values.get("careful", effort)
        knob = cls(
            share=float(values["share"]),
            k=int(values["k"]),
            effort=effort,
            recall=float(values["recall"]),
            near=float(values.get("near", -1.0)),
            careful=None if careful is None else _read_effort(careful),
        )
        if not (0 < knob.share <= 1 and 0 < knob.k < 2**20 and -2 < knob.near < 2):
            raise ValueError("a knob is out of range")
        return knob


def _read_effort(values: Any) -> Effort:
    breadth, depth = (int(value) for value in values)
    if not (0 < breadth < 2**20 and 0 < depth < 2**10):
        raise ValueError("an effort is out of range")
    return Effort(breadth, depth)


def selector_of(mask: Bools) -> Any:
    """A selector of rows; it keeps the bits that it reads."""
    faiss = faiss_module()
    bits = np.packbits(mask, bitorder="little")
    return faiss.IDSelectorBitmap(bits)


def tune(kind: IndexKind, index: Any, block: Halves, target: float = RECALL) -> tuple[Knob, ...]:
    """The cheapest efforts that reach a recall, for each share of rows and k that is reached at all.

    Two fifths of the queries are rows of the block, which do not count as their own answer; two fifths lie between
    two rows, with some noise; the rest have so much noise that they lie off the data, as pictures do that look for
    texts. An index has to look much harder for these.

    Args:
        kind: Of the index.
        index: Attached to the block.
        block: ``(rows, dim)``.
        target: Recall to reach.
    """
    dice = np.random.default_rng(_SEED)
    asked = _queries(dice, block)
    # A sparse filter leaves an index no more to do than to read nearly everything.
    shares = [share for share in SHARES if share * len(block) >= 4 * max(_KS)] or [1.0]
    masks = [None if share == 1 else dice.random(len(block)) < share for share in shares]
    wanted = target + _MARGIN * (1 - target)
    knobs: list[Knob] = []
    denser: dict[int, Knob] = {}
    truths = _exact(block, asked.vectors, masks)
    for share, below, mask, truth in zip(shares, [1.0, *shares[:-1]], masks, truths, strict=True):
        selector = None if mask is None else selector_of(mask)
        trial = _Trial(kind, index, block.shape, asked, truth, selector, below, wanted)
        # Filtered ones take several times as long.
        trial = trial if mask is None else trial.of(slice(None, None, 4))
        easy, hard = trial.of(~trial.asked.far), trial.of(trial.asked.far)
        for k in _KS:
            # A knob is for filters up to the next share, so it looks as hard as theirs does: the fewer rows pass, the
            # further apart they are, and the more rows pass, the more candidates come before the right ones.
            before = denser.get(k)
            found = easy.cheapest(k, before.effort if before else Effort(1, 1))
            if found is None:
                continue
            effort, recall = found
            least = before.careful if before else effort
            careful = hard.cheapest(k, _harder(least, effort)) if least else None
            near = min(hard.enough(k, effort), easy.usual())
            denser[k] = Knob(share, k, effort, recall, near, careful and careful[0])
            knobs.append(denser[k])
    return tuple(knobs)


def _harder(one: Effort, other: Effort) -> Effort:
    return Effort(max(one.breadth, other.breadth), max(one.depth, other.depth))


class _Asked(NamedTuple):
    """Queries of a trial."""

    #: (queries, dim)
    vectors: Floats
    #: Row that each is, -1 for none, ``(queries,)``.
    own: Ints
    #: Whether each lies off the data, ``(queries,)``.
    far: Bools


class _Truth(NamedTuple):
    """The best rows of each query by brute force, best first, padded with -1, and their cosines."""

    #: (queries, width)
    rows: Ints
    #: (queries, width)
    cosines: Floats


def _queries(dice: np.random.Generator, block: Halves) -> _Asked:
    """The sorts in turns, so that any other stretch has as many of each."""
    rows, dim = block.shape
    sort = np.resize(_SORTS, _QUERIES)
    chosen = dice.integers(0, rows, size=(_QUERIES, 2))
    first, second = (np.asarray(block[chosen[:, side]], dtype=np.float32) for side in (0, 1))
    part = dice.uniform(0.6, 0.9, size=(_QUERIES, 1))
    noise = np.where(sort == 2, dice.uniform(*_FAR_NOISE, size=_QUERIES), _NOISE)[:, None] / np.sqrt(dim)
    mixed = part * first + (1 - part) * second + noise * dice.standard_normal((_QUERIES, dim))
    mixed[sort == 0] = first[sort == 0]
    mixed /= np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-12)
    vectors = np.ascontiguousarray(mixed, dtype=np.float32)
    return _Asked(vectors, np.where(sort == 0, chosen[:, 0], -1), sort == 2)


def _exact(block: Halves, queries: Floats, masks: Sequence[Bools | None]) -> list[_Truth]:
    """The truth among the rows of each mask, one more than the greatest k."""
    faiss = faiss_module()
    width = max(_KS) + 1
    heaps = [faiss.ResultHeap(len(queries), width, keep_max=True) for _ in masks]
    for start, vectors in blocks_of(block):
        for heap, mask in zip(heaps, masks, strict=True):
            chosen = None if mask is None else np.flatnonzero(mask[start : start + len(vectors)])
            some = vectors if chosen is None else vectors[chosen]
            if not len(some):
                continue
            scores, at = faiss.knn(queries, some, min(width, len(some)), metric=faiss.METRIC_INNER_PRODUCT)
            heap.add_result(scores, (at if chosen is None else chosen[at]) + start)
    for heap in heaps:
        heap.finalize()
    return [_Truth(heap.I, heap.D) for heap in heaps]


@dataclass(frozen=True)
class _Trial:
    """Queries of one filter, answered by an index at various efforts."""

    kind: IndexKind
    index: Any
    #: Rows and dimensions.
    shape: tuple[int, ...]
    asked: _Asked
    truth: _Truth
    selector: Any
    #: What is tuned is for filters that let less than this share of the rows pass.
    below: float
    wanted: float

    def of(self, some: Bools | slice) -> _Trial:
        """The same with some of the queries."""
        asked = _Asked(self.asked.vectors[some], self.asked.own[some], self.asked.far[some])
        truth = _Truth(self.truth.rows[some], self.truth.cosines[some])
        return replace(self, asked=asked, truth=truth)

    def cheapest(self, k: int, least: Effort) -> tuple[Effort, float] | None:
        """The cheapest effort, at least as hard as another, that finds enough, and its recall; None if none does."""
        rows, dim = self.shape
        depths = [depth for depth in self.kind.depths if depth >= least.depth]
        few = self.of(slice(None, None, 4))
        passing = int(self.below * rows)
        # What costs more than an exact answer is of no use.
        best, lowest = None, min(gather_cost(passing, dim), scan_cost(rows, passing, dim))
        for breadth in self.kind.breadths(rows):
            if breadth < least.breadth or self.kind.cost(rows, dim, k, Effort(breadth, depths[0])) >= lowest:
                continue
            # Those of the greatest depth, in order, tell what each smaller one would have found.
            deepest = Effort(breadth, depths[-1])
            if few.recall(k, few.candidates(k, deepest)) < self.wanted - _CLEARLY:
                continue
            found = self.candidates(k, deepest)
            for depth in depths:
                recall = self.recall(k, found[:, : (k + 1) * depth])
                if recall >= self.wanted:
                    effort = Effort(breadth, depth)
                    cost = self.kind.cost(rows, dim, k, effort)
                    if cost < lowest:
                        best, lowest = (effort, round(recall, 4)), cost
                    break
        return best

    def candidates(self, k: int, effort: Effort) -> Ints:
        """Rows that an effort scores, one more than `k` for those that are their own answer."""
        return self.kind.candidates(self.index, self.asked.vectors, k + 1, effort, self.selector)

    def recall(self, k: int, found: Ints) -> float:
        """Share of the truth that was found, of the sort of queries that fares worst by its own measure."""
        own, far = self.asked.own, self.asked.far
        hits, counted = self._hits(k, found)
        missed = [
            (1 - hits[sort].sum() / counted[sort].sum()) / leave
            for sort, leave in ((own >= 0, 1.0), ((own < 0) & ~far, _LEAVE), (far, 1.0))
            if counted[sort].any()
        ]
        return float(1 - max(missed, default=0.0))

    def usual(self) -> float:
        """Cosine that the best row of most of these queries has."""
        return round(float(np.quantile(self._best(), _DOUBTED)), 4)

    def enough(self, k: int, effort: Effort) -> float:
        """Cosine of the best row from which on an effort finds enough for these queries."""
        hits, counted = self._hits(k, self.candidates(k, effort)[:, : (k + 1) * effort.depth])
        best = self._best()
        order = np.argsort(-best)
        # (queries,) of those with at least as good a best row
        recall = np.cumsum(hits[order]) / np.maximum(np.cumsum(counted[order]), 1)
        fine = np.flatnonzero(recall >= 1 - _LEAVE * (1 - self.wanted))
        return round(float(best[order[fine[-1]]] if len(fine) else best.max() + _CLEARLY), 4)

    def _hits(self, k: int, found: Ints) -> tuple[Ints, Ints]:
        """How much of the truth was found, and how much there is, ``(queries,)`` each."""
        truth = self.truth.rows[:, : k + 1]
        counted = (truth >= 0) & (truth != self.asked.own[:, None])
        hits = [
            np.isin(rows[mine], some).sum() for rows, mine, some in zip(truth, counted, found, strict=True)
        ]
        return np.array(hits, dtype=np.int64), counted.sum(axis=1)

    def _best(self) -> Floats:
        """Cosine of the best row that is not the query itself, ``(queries,)``."""
        own = self.truth.rows[:, 0] == self.asked.own
        best: Floats = np.where(own, self.truth.cosines[:, 1], self.truth.cosines[:, 0])
        return best
