"""A view whose large segments are searched by a source outside of them: Milvus, or a GPU."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from chiasm.errors import UnavailableError
from chiasm.spaces.kinds.base import Bools, Floats, Ints
from chiasm.spaces.source import CandidateSource
from chiasm.spaces.view import Part, View, best_of, top

__all__ = ["CandidateView"]

_log = logging.getLogger(__name__)
#: Candidates for each hit that are scored exactly, as a source may be lossy; and a few more.
_OVERSAMPLE = 2
_SPARE = 16
#: Up to so many allowed rows are scored from the block at once: sooner done than asked elsewhere.
_EXACT_ROWS = 2048
#: Rows that are held as float32 at a time.
_ROWS = 16_384


@dataclass(frozen=True)
class CandidateView(View):
    """A view that asks its source for candidates of large segments, and scores them from the feature blocks.

    A segment of which the source knows nothing yet, or a source that is away, is searched by the segment's own
    index. Where the candidates of a filtered query are too few, the allowed rows are scored exactly.

    Args:
        source: Names candidates.
        exact_rows: Up to so many allowed rows of a segment are not asked for.
    """

    source: CandidateSource | None = None
    exact_rows: int = _EXACT_ROWS

    @classmethod
    def over(cls, view: View, source: CandidateSource, exact_rows: int = _EXACT_ROWS) -> CandidateView:
        """The same view, asking a source."""
        return cls(**_facts(view), source=source, exact_rows=exact_rows)

    @cached_property
    def _small(self) -> View:
        return View(**{**_facts(self), "indexed": ()})

    @cached_property
    def _large(self) -> View:
        return View(**{**_facts(self), "cached": ()})

    def search(
        self, queries: Floats, k: int, *, allowed: Ints | None = None, mask: Bools | None = None
    ) -> tuple[Floats, Ints]:
        """The best ``k`` items of each query; see `View.search`."""
        only = self._only(allowed, mask)
        answers = [self._small.search(queries, k, allowed=only)]
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        left = []
        for part in self.indexed:
            answer = self._asked(part, queries, k, only)
            if answer is None:
                left.append(part)
            else:
                answers.append(answer)
        if left:
            own = View(**{**_facts(self), "cached": (), "indexed": left})
            answers.append(own.search(queries, k, allowed=only))
        return _merged(answers, k)

    def vectors(self, ids: Ints) -> Floats:
        """Vectors of items; see `View.vectors`."""
        # Not as the view does: the matrix of the small segments would be held twice.
        ids = np.asarray(ids, dtype=np.int64).reshape(-1)
        found = self._small.vectors(ids)
        absent = np.flatnonzero(np.isnan(found).any(axis=1))
        if len(absent):
            found[absent] = self._large.vectors(ids[absent])
        return found

    def _only(self, allowed: Ints | None, mask: Bools | None) -> Ints | None:
        only = None if allowed is None else np.unique(np.asarray(allowed, dtype=np.int64))
        if mask is None:
            return only
        chosen = self.ids[mask]
        return chosen if only is None else np.intersect1d(chosen, only, assume_unique=True)

    def _asked(self, part: Part, queries: Floats, k: int, only: Ints | None) -> tuple[Floats, Ints] | None:
        """The best of a segment by the source; None where its own index has to answer."""
        live = part.ids if only is None else np.intersect1d(part.ids, only, assume_unique=True)
        if len(live) <= self.exact_rows or not len(live):
            return self._exact(live, queries, k)
        source, total = self.source, len(part.segment.ids)
        if source is None or not source.ready(part.segment):
            return None
        n, rows = k * _OVERSAMPLE + _SPARE, None
        if len(live) <= source.max_listed and len(live) < total:
            n, rows = min(n, len(live)), part.segment.rows_of(live)
        else:
            n = min(-(-n * total // len(live)), total)
        if n > source.max_candidates:
            return self._exact(live, queries, k)
        try:
            found = source.candidates(part.segment, queries, n, rows)
        except UnavailableError as error:
            _log.warning(
                "segments answer by their own index", extra={"source": source.name, "error": str(error)}
            )
            return None
        return self._scored(_items(part, found, live), live, queries, k)

    def _scored(self, found: Ints, live: Ints, queries: Floats, k: int) -> tuple[Floats, Ints]:
        """The best ``k`` of candidates ``(queries, n)``; exactly of all that are live where those are too few."""
        answers = []
        for query, row in zip(queries, found, strict=True):
            ids = np.unique(row[row >= 0])
            if len(ids) < min(k, len(live)):
                answers.append(self._exact(live, query[None], k))
            else:
                answers.append(best_of(query[None], ids, self._large.vectors(ids), k))
        return np.concatenate([answer[0] for answer in answers]), np.concatenate([one[1] for one in answers])

    def _exact(self, live: Ints, queries: Floats, k: int) -> tuple[Floats, Ints]:
        answers = [top(np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64), k)]
        for start in range(0, len(live), _ROWS):
            ids = live[start : start + _ROWS]
            answers = [_merged([*answers, best_of(queries, ids, self._large.vectors(ids), k)], k)]
        return answers[0]


def _facts(view: View) -> dict[str, Any]:
    return {field.name: getattr(view, field.name) for field in fields(View)}


def _items(part: Part, rows: Ints, live: Ints) -> Ints:
    """Ids of rows of a segment, of the same shape; -1 where one is not live, not allowed, or no row."""
    ids = np.where(rows >= 0, part.segment.ids[np.clip(rows, 0, len(part.segment.ids) - 1)], -1)
    at = np.minimum(np.searchsorted(live, ids), len(live) - 1)
    return np.where(live[at] == ids, ids, -1)


def _merged(answers: Sequence[tuple[Floats, Ints]], k: int) -> tuple[Floats, Ints]:
    scores = np.concatenate([answer[0] for answer in answers], axis=1)
    return top(scores, np.concatenate([answer[1] for answer in answers], axis=1), k)
