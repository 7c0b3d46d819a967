"""How much of what its teacher finds a student finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm.training.evaluation import Bench
from chiasm.training.metrics import paired_difference, query_metrics
from chiasm.training.queries import Query

__all__ = ["Retention", "Witness"]

Floats = npt.NDArray[np.floating]


class Retention(NamedTuple):
    """hit@10 of teacher and student over the same queries."""

    queries: int
    teacher: float
    student: float
    #: 95 % interval of student less teacher.
    low: float
    high: float

    @property
    def ratio(self) -> float:
        """Share that is kept."""
        return self.student / self.teacher if self.teacher else 0.0


class Witness:
    """The held-out queries of one modality on a bench, asked as the release answers.

    Args:
        bench: Release, index and queries.
        modality: Of the queries.
        items: What an encoder takes of queries; None for what cannot be had, whose query is left out.
        most: Queries that are asked; of more, evenly spread ones. None asks all.
    """

    def __init__(
        self,
        bench: Bench,
        modality: str,
        items: Callable[[Sequence[Query]], list[Any]],
        *,
        most: int | None = None,
    ) -> None:
        self._bench = bench
        self.data = bench.data
        known = bench.by_modality().get(modality, [])
        spread = np.linspace(0, len(known) - 1, min(len(known), most or len(known))).astype(np.int64)
        asked = [known[at] for at in spread]
        there = [(query, item) for query, item in zip(asked, items(asked), strict=True) if item is not None]
        self.queries = [query for query, _ in there]
        self.items = [item for _, item in there]
        self._expected = bench.expected(self.queries)
        self._teacher = self._hits(None) if self.queries else np.zeros(0)

    def retention(self, asked: Floats) -> Retention:
        """What a student keeps that made these features of the queries, ``(queries, dim)``."""
        found = self._hits(asked)
        groups = np.array([query.source for query in self.queries])
        gap = paired_difference(found, self._teacher, groups)
        return Retention(
            len(found), float(self._teacher.mean()), float(found.mean()), gap["low"], gap["high"]
        )

    def _hits(self, asked: Floats | None) -> npt.NDArray[np.float64]:
        return query_metrics(self._bench.scores(self.queries, asked), self._expected)["hit@10"]
