"""Words in texts as a list beside the one by vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chiasm.catalog import Catalog
from chiasm.catalog.full_text import match_terms, matching_assets
from chiasm.search.query import Query
from chiasm.search.reciprocal import filled_mean, reciprocal_rank, reciprocal_ranks
from chiasm.search.replica import Bools
from chiasm.search.scorer import CANDIDATES, Scorer, Scores, Shares
from chiasm.search.state import State

__all__ = ["MATCH", "WordScorer", "matching_rows"]

MATCH = "match"
#: Assets that are read first, and at most if too few of them are allowed.
_FIRST, _MOST = 4 * CANDIDATES, 1_000_000


def matching_rows(state: State, catalog: Catalog, words: str, allowed: Bools) -> Scores:
    """How well each allowed entity's best text matches, over the best of all, ``(rows,)``; NaN for no word of it.

    Raises:
        UsageError: There is no word in it.
    """
    terms, values = match_terms(words), np.full(len(allowed), np.nan)
    for most in (_FIRST, _MOST):
        with catalog.read() as session:
            found = matching_assets(session, state.workspace_id, terms, most)
        table = np.array(found, dtype=np.float64).reshape(-1, 2)
        rows = state.replica.rows_of_assets(table[:, 0].astype(np.int64))
        kept = np.flatnonzero(rows >= 0)
        kept = kept[allowed[rows[kept]]]
        # Best first, so that of an entity's texts the best one is written last.
        values[rows[kept][::-1]] = table[kept, 1][::-1]
        if len(found) < most or len(kept) >= CANDIDATES:
            break
    top = np.nanmax(values, initial=0.0)
    return np.asarray(values / top) if top > 0 else values


class WordScorer(Scorer):
    """Scores by the words of texts, fused with those of another scorer if there is one.

    An entity whose texts have none of the words gets nothing for them; one that has no text is not judged by
    words at all. Fused scores are no probabilities: by ranks they say how high an entity stands in both lists.

    Args:
        inner: Of the query's parts; None: words alone.
        state: What is searched.
        values: Of `matching_rows`.
        query: Says how the two are fused.
    """

    def __init__(self, inner: Scorer | None, state: State, values: Scores, query: Query) -> None:
        super().__init__(state, [])
        self._inner = inner
        self._values = values
        self._by_rank = query.fuse == "rrf"
        self._weights = np.array([query.match_weight])
        if inner is not None:
            self.positive, self.negative = inner.positive, inner.negative
            inner.also = np.flatnonzero(~np.isnan(values))
            heaviest = max(one.part.weight for one in inner.positive)
            self._weights = np.array([query.match_weight, heaviest])

    def scores(self, allowed: Bools) -> Scores:
        """In [0, 1]; the best of each list alone has 1 by ranks."""
        if self._inner is None:
            self._lists = self._values[None]
            return self._values
        words = np.where(np.isnan(self._values) & allowed & self.state.replica.has["text"], 0.0, self._values)
        self._near = np.where(allowed, self._inner.scores(allowed), np.nan)
        lists, typical = [words, self._near], [_median(words), _median(self._near)]
        if self._by_rank:
            ranked, _ = reciprocal_ranks(words, np.flatnonzero(words > 0))
            lists[0] = np.where(words == 0, 0.0, ranked)
            typical[0] = _median(lists[0])
            lists[1], typical[1] = reciprocal_ranks(self._near, np.flatnonzero(~np.isnan(self._near)))
        self._lists, self._typical = np.array(lists), np.array(typical)
        return filled_mean(self._lists, self._weights, self._typical)

    def shares(self, rows: Sequence[int]) -> list[Shares]:
        """Shares of the other scorer in its part of the sum, and the words' own."""
        if self._inner is None:
            return [Shares({MATCH: 1.0}, {}) for _ in rows]
        return [self._shares_of(row, near) for row, near in zip(rows, self._inner.shares(rows), strict=True)]

    def cosines(self, rows: Sequence[int]) -> list[dict[str, float]]:
        """Those of the other scorer."""
        return super().cosines(rows) if self._inner is None else self._inner.cosines(rows)

    def _shares_of(self, row: int, near: Shares) -> Shares:
        words, rest = (float(part) for part in np.nan_to_num(self._lists[:, row]) * self._weights)
        whole = words + rest or 1.0
        of = {kind: share * rest / whole for kind, share in near.of.items()}
        without = {
            kind: self._mean(self._lists[0, row], self._placed(row, score))
            for kind, score in near.without.items()
        }
        if words > 0:
            of[MATCH] = words / whole
            without[MATCH] = self._mean(0.0, self._lists[1, row])
        return Shares(of, without)

    def _placed(self, row: int, score: float) -> float:
        """What another score of the other scorer would be worth."""
        if not self._by_rank:
            return score
        above = self._near > score
        return reciprocal_rank(int(above.sum() - above[row]))

    def _mean(self, words: float, near: float) -> float:
        return float(filled_mean(np.array([[words], [near]]), self._weights, self._typical)[0])


def _median(values: Scores) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else 0.0
