"""A segment that is searched by a source outside of it, Milvus or a GPU, and by its own index where that fails."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from chiasm.errors import UnavailableError
from chiasm.spaces.chosen import Chosen
from chiasm.spaces.kinds.base import Floats, Ints
from chiasm.spaces.part import Part
from chiasm.spaces.ranking import top
from chiasm.spaces.source import CandidateSource

__all__ = ["AskedPart"]

_log = logging.getLogger(__name__)
#: Candidates for each hit that are scored exactly, as a source may be lossy; and a few more.
_OVERSAMPLE = 2
_SPARE = 16
#: Up to so many rows that pass a filter are scored from the block at once: sooner done than asked elsewhere.
_EXACT_ROWS = 2048
#: Candidates whose vectors are fetched at a time: memory stays bounded whatever is asked.
_FETCHED = 65_536


@dataclass(frozen=True)
class AskedPart(Part):
    """Live rows whose candidates a source names; their scores come from the block, as everybody's do.

    The segment answers itself while the source is not ready, where it fails, and where too few of its candidates
    pass: so an answer is never short.
    """

    source: CandidateSource | None = None

    @classmethod
    def of(cls, part: Part, source: CandidateSource) -> AskedPart:
        """The same rows, asking a source."""
        return part if isinstance(part, cls) else cls(part.segment, part.alive, source)

    def search(self, queries: Floats, k: int, chosen: Chosen | None) -> tuple[Floats, Ints]:
        """The best ``k`` rows; see `Part.search`."""
        self.segment.check_map()
        chosen = chosen or self.living
        passing = len(self.row_ids) if chosen is None else chosen.passing
        found = self._candidates(queries, k, chosen, passing)
        if found is None:
            return super().search(queries, k, chosen)
        step = max(1, _FETCHED // found.shape[1])
        pieces = [
            self._scored(queries[at : at + step], found[at : at + step], k, chosen)
            for at in range(0, len(queries), step)
        ]
        scores, rows = (np.concatenate(column) for column in zip(*pieces, strict=True))
        ids = np.where(rows < 0, -1, self.row_ids[rows])
        short = (rows >= 0).sum(axis=1) < min(k, passing)
        if short.any():
            scores[short], ids[short] = super().search(queries[short], k, chosen)
        return scores, ids

    def _candidates(self, queries: Floats, k: int, chosen: Chosen | None, passing: int) -> Ints | None:
        """Rows that the source names, ``(queries, n)``; None where it is not to be asked, or does not answer."""
        source, total = self.source, len(self.row_ids)
        if source is None or passing <= _EXACT_ROWS or not passing or not source.ready(self.segment):
            return None
        n, rows = k * _OVERSAMPLE + _SPARE, None
        if chosen is not None and passing <= source.max_listed:
            n, rows = min(n, passing), chosen.rows
        else:
            # Of so many, enough will pass.
            n = min(-(-n * total // passing), total)
        if n > source.max_candidates:
            return None
        try:
            return source.candidates(self.segment, queries, n, rows)
        except UnavailableError as error:
            told = {"source": source.name, "error": str(error)}
            _log.warning("segments answer by their own indexes", extra=told)
            return None

    def _scored(self, queries: Floats, found: Ints, k: int, chosen: Chosen | None) -> tuple[Floats, Ints]:
        """Scores of the candidates that pass, and their rows, the best ``k``, padded."""
        # It is another's word: what is no row of ours, not alive, or named twice, is left out.
        found = np.sort(found, axis=1)
        usable = (found >= 0) & (found < len(self.row_ids))
        usable[:, 1:] &= found[:, 1:] != found[:, :-1]
        if chosen is not None:
            usable &= chosen.mask[np.where(usable, found, 0)]
        scores = np.full(found.shape, -np.inf, dtype=np.float32)
        known = np.unique(found[usable])
        if len(known):
            products = queries @ self.vectors(known).T  # (q, dim) x (dim, n) -> (q, n)
            at = np.searchsorted(known, np.where(usable, found, known[0]))
            scores = np.where(usable, np.take_along_axis(products, at, axis=1), scores)
        return top(scores, found, k)
