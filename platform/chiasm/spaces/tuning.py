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
_KS = (10, 100)
_QUERIES = 160
#: A sample of so few queries may flatter: so much of what may be missed must be left.
_MARGIN = 0.4
_NOISE = 0.3
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
    rows, with noise: as near to the data as queries are, but never in it.

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
    trial = _Trial(kind, index, block.shape, queries, own, target + (1 - target) * _MARGIN)
    knobs: list[Knob] = []
    for share, mask, truth in zip(shares, masks, _exact(block, queries, masks), strict=True):
        selector = None if mask is None else selector_of(mask)
        for k in _KS:
            # The fewer rows pass, the further apart they are.
            least = max((knob.effort.breadth for knob in knobs if knob.k == k), default=0)
            knob = trial.cheapest(share, k, selector, truth, least)
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
    """The best rows of each query by brute force, one more than the greatest k, for each mask."""
    width = max(_KS) + 1
    best = [_Best(len(queries), width) for _ in masks]
    for start, vectors in blocks_of(block):
        scores = queries @ vectors.T  # (q, dim) x (dim, rows) -> (q, rows)
        for one, mask in zip(best, masks, strict=True):
            rows = (
                np.arange(len(vectors))
                if mask is None
                else np.flatnonzero(mask[start : start + len(vectors)])
            )
            one.add(scores[:, rows], rows + start)
    return [one.rows for one in best]


class _Best:
    """The best rows of each query so far, best first."""

    def __init__(self, queries: int, width: int) -> None:
        self._width = width
        self._scores = np.full((queries, width), -np.inf, dtype=np.float32)
        self.rows = np.full((queries, width), -1, dtype=np.int64)

    def add(self, scores: Floats, rows: Ints) -> None:
        if scores.shape[1] > self._width:
            at = np.argpartition(-scores, self._width - 1, axis=1)[:, : self._width]
            scores, numbers = np.take_along_axis(scores, at, 1), rows[at]
        else:
            numbers = np.broadcast_to(rows, scores.shape)
        scores = np.concatenate([self._scores, scores], axis=1)
        numbers = np.concatenate([self.rows, numbers], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, : self._width]
        self._scores = np.take_along_axis(scores, order, 1)
        self.rows = np.take_along_axis(numbers, order, 1)


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
            found = self.kind.candidates(self.index, self.queries, k + 1, deepest, selector)
            for depth in depths:
                recall = _recall(truth[:, : k + 1], found[:, : (k + 1) * depth], self.own)
                if recall >= self.wanted:
                    cost = self.kind.cost(rows, dim, k, Effort(breadth, depth))
                    if cost < lowest:
                        best, lowest = Knob(share, k, Effort(breadth, depth), round(recall, 4)), cost
                    break
        return best


def _recall(truth: Ints, found: Ints, own: Ints) -> float:
    """Share of the truth that was found, of the sort of queries that fares worse."""
    counted = (truth >= 0) & (truth != own[:, None])
    hits = np.array(
        [np.isin(rows[mine], some).sum() for rows, mine, some in zip(truth, counted, found, strict=True)]
    )
    shares = [hits[sort].sum() / counted[sort].sum() for sort in (own >= 0, own < 0) if counted[sort].sum()]
    return float(min(shares, default=1.0))
