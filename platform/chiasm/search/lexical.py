"""Words in texts as a list beside the one by vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chiasm.catalog import Catalog
from chiasm.catalog.full_text import match_terms, matching_assets
from chiasm.search.query import Query
from chiasm.search.reciprocal import filled_mean, reciprocal_rank, reciprocal_ranks
from chiasm.search.replica import Bools
from chiasm.search.scorer import CANDIDATES, Reasons, Scorer, Scores
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
        self._total = np.where(allowed, filled_mean(self._lists, self._weights, self._typical), np.nan)
        return self._total

    def reasons(self, rows: Sequence[int]) -> list[Reasons]:
        """Shares of the other scorer in its part of the mean, and the words' own."""
        if self._inner is None:
            return [Reasons({MATCH: self._values[row]}, 0.0, self._values[row], {}, [], None) for row in rows]
        near = self._inner.reasons(rows)
        return [self._reasons_of(row, one) for row, one in zip(rows, near, strict=True)]

    def cosines(self, rows: Sequence[int]) -> list[dict[str, float]]:
        """Those of the other scorer."""
        return super().cosines(rows) if self._inner is None else self._inner.cosines(rows)

    def _reasons_of(self, row: int, near: Reasons) -> Reasons:
        words, rest = np.nan_to_num(self._lists[:, row]) * self._weights / self._weights.sum()
        part = rest / (sum(near.shares.values()) or 1.0)
        shares = {kind: share * part for kind, share in near.shares.items()}
        without = {
            kind: self._rank(row, self._lists[0, row], self._at(r)) for kind, r in near.without.items()
        }
        if words > 0:
            shares[MATCH] = words
            without[MATCH] = self._rank(row, 0.0, self._lists[1, row])
        edges = [(neighbour, fall * part) for neighbour, fall in near.edges]
        return Reasons(shares, 0.0, float(words + rest), without, edges, near.cosine)

    def _at(self, rank: int | None) -> float:
        """What a place in the list of the other scorer is worth; NaN for none."""
        if rank is None:
            return np.nan
        if self._by_rank:
            return float(reciprocal_rank(rank - 1))
        known = np.sort(self._near[~np.isnan(self._near)])[::-1]
        return float(known[min(rank, len(known)) - 1])

    def _rank(self, row: int, words: float, near: float) -> int | None:
        """The rank that an entity would have with other values in the two lists."""
        score = self._mean(words, near)
        if np.isnan(score):
            return None
        above = self._total > score
        return int(above.sum() - above[row]) + 1

    def _mean(self, words: float, near: float) -> float:
        return float(filled_mean(np.array([[words], [near]]), self._weights, self._typical)[0])


def _median(values: Scores) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else 0.0
