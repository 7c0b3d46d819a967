"""The live rows of one segment, searched the way that suits the filter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import Any, Literal

import numpy as np

from chiasm.spaces.chosen import Chosen
from chiasm.spaces.kinds.base import Bools, Effort, Floats, Ints, faiss_module, flat_view
from chiasm.spaces.kinds.exact import scan
from chiasm.spaces.planner import Plan, plan_for
from chiasm.spaces.ranking import ordered, padded, products, top
from chiasm.spaces.segment import SegmentFile

__all__ = ["Part"]

#: Rows that are fetched at a time: memory stays bounded whatever a filter lets pass.
_ROWS = 16_384


@dataclass(frozen=True)
class Part:
    """The live rows of one segment; immutable."""

    segment: SegmentFile
    #: Which rows of the segment are alive, ``(rows,)``; None for all.
    alive: Bools | None = None

    def __len__(self) -> int:
        return len(self.row_ids) if self.alive is None else int(np.count_nonzero(self.alive))

    @property
    def row_ids(self) -> Ints:
        """Id of each row of the segment, ascending, ``(rows,)``."""
        return self.segment.ids

    @cached_property
    def rows(self) -> Ints:
        """Live rows in the segment, ascending, ``(live,)``."""
        return np.arange(len(self.row_ids)) if self.alive is None else np.flatnonzero(self.alive)

    @cached_property
    def ids(self) -> Ints:
        """Their ids, ascending, ``(live,)``."""
        return self.row_ids if self.alive is None else self.row_ids[self.alive]

    def without(self, items: Ints) -> Part:
        """The part after some of its items died; those that it does not hold do not matter."""
        at = np.minimum(np.searchsorted(self.row_ids, items), len(self.row_ids) - 1)
        at = at[self.row_ids[at] == items]
        if not len(at):
            return self
        alive = np.ones(len(self.row_ids), dtype=np.bool_) if self.alive is None else self.alive.copy()
        alive[at] = False
        return replace(self, alive=alive)

    def vectors(self, rows: Ints | None = None) -> Floats:
        """Vectors of some rows of the segment, of all live ones by default, ``(n, dim)``."""
        self.segment.check_map()
        return self.segment.vectors(self.rows if rows is None and self.alive is not None else rows)

    @cached_property
    def living(self) -> Chosen | None:
        """The rows that are alive; None for all."""
        return None if self.alive is None else Chosen(self.alive)

    def search(self, queries: Floats, k: int, chosen: Chosen | None) -> tuple[Floats, Ints]:
        """The best ``k`` rows of those that are chosen, which are alive; by default of all that are.

        Returns:
            Cosines with the block and ids, each ``(queries, k)``, best first, padded with -inf and -1.
        """
        self.segment.check_map()
        chosen = chosen or self.living
        passing = len(self.row_ids) if chosen is None else chosen.passing
        if not passing:
            return padded(np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64), k)
        plan = self._plan(passing, k, len(queries))
        with _threads(len(queries)):
            if plan.way == "index":
                scores, found = self._indexed(queries, k, plan, chosen, min(k, passing))
            else:
                scores, found = self._exactly(plan.way, queries, k, chosen)
        ids = self.row_ids[found]
        ids[found < 0] = -1
        return ordered(scores, ids, k)

    @cached_property
    def _plan(self) -> Callable[[int, int, int], Plan]:
        """What to do by rows that pass, results and queries; most questions are of one sort."""
        segment = self.segment
        return lru_cache(maxsize=256)(
            partial(plan_for, segment.kind, segment.knobs, len(self.row_ids), segment.dim)
        )

    def _exactly(
        self, way: Literal["gather", "scan"], queries: Floats, k: int, chosen: Chosen | None
    ) -> tuple[Floats, Ints]:
        found = self._gathered if way == "gather" else self._scanned
        return found(queries, k, chosen)

    def _scanned(self, queries: Floats, k: int, chosen: Chosen | None) -> tuple[Floats, Ints]:
        self.segment.guard.require_all()
        return scan(self.segment.flat, queries, k, chosen and chosen.selector)

    def _gathered(self, queries: Floats, k: int, chosen: Chosen | None) -> tuple[Floats, Ints]:
        rows = self.rows if chosen is None else chosen.rows
        self.segment.require(rows)
        block = np.asarray(self.segment.block)
        copied = None if chosen is None else chosen.copied(block)
        if copied is not None:
            scores, at = scan(flat_view(copied), queries, min(k, len(rows)))
            return top(scores, rows[at], k)
        best: tuple[Floats, Ints] | None = None
        for start in range(0, len(rows), _ROWS):
            some = rows[start : start + _ROWS]
            # Side by side, FAISS reads them as they are: a tenth of the time that decoding them takes.
            scores, at = scan(flat_view(block.take(some, axis=0)), queries, min(k, len(some)))
            numbers = some[at]
            if best is not None:
                scores = np.concatenate([best[0], scores], axis=1)
                numbers = np.concatenate([best[1], numbers], axis=1)
            best = top(scores, numbers, k)
        assert best is not None  # some row passes
        return best

    def _indexed(
        self, queries: Floats, k: int, plan: Plan, chosen: Chosen | None, least: int
    ) -> tuple[Floats, Ints]:
        selector = chosen and chosen.selector
        scores, found = self._looked(queries, k, plan.effort, selector)
        # What is like nothing here has to be looked for much harder.
        far = np.flatnonzero(scores[:, 0] < plan.near)
        if len(far) and plan.careful is None:
            scores[far], found[far] = self._exactly(plan.exact, queries[far], k, chosen)
        elif len(far) and plan.careful is not None and plan.careful != plan.effort:
            scores[far], found[far] = self._looked(queries[far], k, plan.careful, selector)
        short = np.flatnonzero(found[:, least - 1] < 0)
        if len(short):
            # What passes lies elsewhere than the index looked.
            scores[short], found[short] = self._exactly("scan", queries[short], k, chosen)
        return scores, found

    def _looked(self, queries: Floats, k: int, effort: Effort, selector: Any) -> tuple[Floats, Ints]:
        segment = self.segment
        if segment.guard.complete:
            return segment.kind.search(segment.index, queries, k, effort, selector)
        # Of a block that is not verified yet, only the candidates' pieces are.
        found = segment.kind.candidates(segment.index, queries, k, effort, selector)
        known = np.unique(found[found >= 0])
        if not len(known):
            return np.full(found.shape, -np.inf, dtype=np.float32), found
        segment.require(known)
        scores = products(queries, segment.flat.reconstruct_batch(known))
        scores = np.take_along_axis(scores, np.searchsorted(known, np.maximum(found, known[0])), axis=1)
        return top(np.where(found < 0, -np.inf, scores).astype(np.float32), found, k)


@contextmanager
def _threads(queries: int) -> Iterator[None]:
    """One query is answered by its own thread: a team would cost it more, and others their cores."""
    faiss = faiss_module()
    before = faiss.omp_get_max_threads()
    if queries > 1 or before == 1:
        yield
        return
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
