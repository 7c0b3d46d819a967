"""Why hits of late fusion have their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from chiasm.search.late import RankedList, mean_of
from chiasm.search.scorer import Reasons, demotion
from chiasm.search.shapley import shapley

if TYPE_CHECKING:
    from chiasm.search.late import LateScorer

__all__ = ["late_reasons"]


def late_reasons(scorer: LateScorer, rows: Sequence[int]) -> list[Reasons]:
    """Shares in the mean reciprocal rank, and ranks once an entity has left the lists of a modality.

    An entity in no list counts 0.
    """
    total, scales = scorer.combined(scorer.lists, scorer.against)
    return [_reasons(scorer, row, float(total[row]), scales) for row in rows]


def _reasons(scorer: LateScorer, row: int, whole: float, scales: list[tuple[float, ...]]) -> Reasons:
    found = [one for one in scorer.lists if not np.isnan(one.values[row])]
    players = list(dict.fromkeys(one.modality for one in found))
    everyone = frozenset(players)

    def worth(some: frozenset[str]) -> float:
        return whole if some == everyone else _worth(scorer, row, some, scales)

    without = {kind: _rank(scorer, row, kind) for kind in players} if len(players) > 1 else {}
    cosine = float(np.average([one.cosines[row] for one in found], weights=[one.weight for one in found]))
    return Reasons(shapley(players, worth), 0.0, whole, without, [], cosine)


def _worth(scorer: LateScorer, row: int, some: frozenset[str], scales: list[tuple[float, ...]]) -> float:
    """What an entity would have if it were in the lists of some modalities alone."""
    score = _mean_at(scorer.lists, row, some)
    for (lists, _), scale in zip(scorer.against, scales, strict=True):
        score -= float(demotion(np.array([_mean_at(lists, row, some)]), scale)[0])
    return score


def _mean_at(lists: Sequence[RankedList], row: int, some: frozenset[str]) -> float:
    at = np.array([row])
    kept = [
        replace(one, values=one.values[at] if one.modality in some else np.full(1, np.nan)) for one in lists
    ]
    return float(np.nan_to_num(mean_of(kept, 1)[0]))


def _rank(scorer: LateScorer, row: int, kind: str) -> int | None:
    """One more than the number of entities that score above it once it has left the lists of a modality."""

    def left(lists: Sequence[RankedList]) -> list[RankedList]:
        return [one.without(row) if one.modality == kind else one for one in lists]

    against = [(left(lists), share) for lists, share in scorer.against]
    total = scorer.combined(left(scorer.lists), against)[0]
    return None if np.isnan(total[row]) else int((np.clip(total, 0, 1) > np.clip(total[row], 0, 1)).sum()) + 1
