"""How hard an index has to look: found out on the data itself when it is built, and stored with the segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from chiasm.spaces.kinds.base import Bools, Effort, Floats, Halves, IndexKind, Ints, blocks_of, faiss_module

__all__ = ["RECALL", "SHARES", "Knob", "selector_of", "tune"]

#: Share of the exact answer that an index has to find.
RECALL = 0.99
#: Filters that are tried: shares of the rows that pass.
SHARES = (1.0, 0.5, 0.1, 0.02)
#: As many as a page shows, and one more, which says whether there is another page.
_KS = (11, 101)
#: Of each sort half; those that go astray miss all ten at once, so fewer would say little.
_QUERIES = 640
_NOISE = 0.3
#: Mixtures are harder than what is asked: so many times as much may be missed of them.
_LEAVE = 1.5
#: So much less than is wanted, found by few queries, is no accident.
_CLEARLY = 0.01
_SEED = 99


class Knob(NamedTuple):
    """What one effort was found to reach."""

    #: Of the rows that a filter lets pass.
    share: float
    k: int
    effort: Effort
    #: Share of the exact answer found on the sample.
    recall: float

    @classmethod
    def read(cls, values: Any) -> Knob:
        """From a manifest.

        Raises:
            TypeError: It is no knob.
            ValueError: Its figures make no sense.
            KeyError: A figure is missing.
        """
        breadth, depth = (int(value) for value in values["effort"])
        knob = cls(float(values["share"]), int(values["k"]), Effort(breadth, depth), float(values["recall"]))
        if not (0 < knob.share <= 1 and 0 < knob.k < 2**20 and 0 < breadth < 2**20 and 0 < depth < 2**10):
            raise ValueError("a knob is out of range")
        return knob


def selector_of(mask: Bools) -> Any:
    """A selector of rows; it keeps the bits that it reads."""
    faiss = faiss_module()
    bits = np.packbits(mask, bitorder="little")
    return faiss.IDSelectorBitmap(bits)


def tune(kind: IndexKind, index: Any, block: Halves, target: float = RECALL) -> tuple[Knob, ...]:
    """The cheapest efforts that reach a recall, for each share of rows and k that is reached at all.

    Half of the queries are rows of the block, which do not count as their own answer; the others lie between two
    rows, with noise: off the data, as pictures are that look for texts.

    Args:
        kind: Of the index.
        index: Attached to the block.
        block: ``(rows, dim)``.
        target: Recall to reach.
    """
    dice = np.random.default_rng(_SEED)
    own, queries = _queries(dice, block)
    # A sparse filter leaves an index no more to do than to read nearly everything.
    shares = [share for share in SHARES if share * len(block) >= 4 * max(_KS)] or [1.0]
    masks = [None if share == 1 else dice.random(len(block)) < share for share in shares]
    knobs: list[Knob] = []
    for share, mask, truth in zip(shares, masks, _exact(block, queries, masks), strict=True):
        selector = None if mask is None else selector_of(mask)
        # Filtered ones take several times as long, and are looked up on the safe side.
        every = slice(None, None, 1 if mask is None else 2)
        trial = _Trial(kind, index, block.shape, queries[every], own[every], target)
        for k in _KS:
            # The fewer rows pass, the further apart they are.
            least = max((knob.effort.breadth for knob in knobs if knob.k == k), default=0)
            knob = trial.cheapest(share, k, selector, truth[every], least)
            knobs += [] if knob is None else [knob]
    return tuple(knobs)


def _queries(dice: np.random.Generator, block: Halves) -> tuple[Ints, Floats]:
    """Row that each query is (-1 for none), and the queries."""
    rows, dim = block.shape
    chosen = dice.integers(0, rows, size=(_QUERIES, 2))
    first, second = (np.asarray(block[chosen[:, side]], dtype=np.float32) for side in (0, 1))
    part = dice.uniform(0.6, 0.9, size=(_QUERIES, 1))
    noise = _NOISE / np.sqrt(dim) * dice.standard_normal((_QUERIES, dim))
    mixed = part * first + (1 - part) * second + noise
    mixed[: _QUERIES // 2] = first[: _QUERIES // 2]
    mixed /= np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-12)
    own = np.where(np.arange(_QUERIES) < _QUERIES // 2, chosen[:, 0], -1)
    return own, np.ascontiguousarray(mixed, dtype=np.float32)


def _exact(block: Halves, queries: Floats, masks: Sequence[Bools | None]) -> list[Ints]:
    """The best rows of each query by brute force, one more than the greatest k, for each mask; padded with -1."""
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
    return [heap.I for heap in heaps]


@dataclass(frozen=True)
class _Trial:
    kind: IndexKind
    index: Any
    #: Rows and dimensions.
    shape: tuple[int, ...]
    queries: Floats
    #: Row that each query is, -1 for none.
    own: Ints
    wanted: float

    def cheapest(self, share: float, k: int, selector: Any, truth: Ints, least: int) -> Knob | None:
        """The cheapest effort that finds enough; None if there is none."""
        rows, dim = self.shape
        depths = self.kind.depths
        best, lowest = None, np.inf
        for breadth in self.kind.breadths(rows):
            if breadth < least or self.kind.cost(rows, dim, k, Effort(breadth, depths[0])) >= lowest:
                continue
            # Those of the greatest depth, in order, tell what each smaller one would have found.
            deepest = Effort(breadth, depths[-1])
            if self._hopeless(k, deepest, selector, truth):
                continue
            found = self.kind.candidates(self.index, self.queries, k + 1, deepest, selector)
            for depth in depths:
                recall = _recall(truth[:, : k + 1], found[:, : (k + 1) * depth], self.own)
                if recall >= self.wanted:
                    cost = self.kind.cost(rows, dim, k, Effort(breadth, depth))
                    if cost < lowest:
                        best, lowest = Knob(share, k, Effort(breadth, depth), round(recall, 4)), cost
                    break
        return best

    def _hopeless(self, k: int, effort: Effort, selector: Any, truth: Ints) -> bool:
        """Whether a quarter of the queries shows already that far too little is found."""
        found = self.kind.candidates(self.index, self.queries[::4], k + 1, effort, selector)
        return _recall(truth[::4, : k + 1], found, self.own[::4]) < self.wanted - _CLEARLY


def _recall(truth: Ints, found: Ints, own: Ints) -> float:
    """Share of the truth that was found, of the sort of queries that fares worse by its own measure."""
    counted = (truth >= 0) & (truth != own[:, None])
    hits = np.array(
        [np.isin(rows[mine], some).sum() for rows, mine, some in zip(truth, counted, found, strict=True)]
    )
    missed = [
        (1 - hits[sort].sum() / counted[sort].sum()) / leave
        for sort, leave in ((own >= 0, 1.0), (own < 0, _LEAVE))
        if counted[sort].sum()
    ]
    return float(1 - max(missed, default=0.0))
