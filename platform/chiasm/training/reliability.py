"""Whether scores are the chances that they claim to be, and whether any kind of entity is favoured.

Judged pairs are the ten best candidates of each held-out query, which are the scores that somebody reads.
More candidates, or all of them, would flatter: nearly all others are wrong, and a score of nothing for each is
easy. Pairs are taken by score alone, never by the answer, so their base rate is that of answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm.fusion.ranking import pattern_of

__all__ = [
    "DEPTH",
    "Pairs",
    "adaptive_error",
    "brier_skill",
    "judged_pairs",
    "pairs_of",
    "reliability",
    "representation",
]

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]

#: Candidates of a query that are judged.
DEPTH = 10
#: Most bins of equal mass, and fewest pairs in one.
_BINS, _FEWEST_IN_BIN = 15, 20
#: Patterns with fewer pairs are judged together.
FEWEST_PAIRS = 200
POOLED = "others"


class Pairs(NamedTuple):
    """Queries with the candidates that they are judged on, flat."""

    #: What the score says, in [0, 1], ``(pairs,)``
    chances: Floats
    #: ``(pairs,)``
    relevant: Bools
    #: Availability patterns of query and candidate, as in ``audio -> text+graph``, ``(pairs,)`` str
    patterns: npt.NDArray[np.object_]
    #: Pattern of the candidate alone, ``(pairs,)`` str, and its share of its query's candidates, ``(pairs,)``
    items: npt.NDArray[np.object_]
    shares: Floats
    #: Pattern of every right answer, ``(answers,)`` str, and its share of its query's answers, ``(answers,)``
    truth: npt.NDArray[np.object_]
    truth_shares: Floats

    @classmethod
    def joined(cls, parts: Sequence[Pairs]) -> Pairs:
        """All of them; at least one."""
        return cls(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def judged_pairs(
    query: str, logits: Floats, expected: Sequence[Ints], present: Codes, depth: int = DEPTH
) -> Pairs:
    """The judged pairs of queries of one modality.

    Args:
        query: Pattern of the queries.
        logits: Minus infinity for what may not be found, ``(queries, candidates)``.
        expected: Columns that are right.
        present: Availability pattern of each candidate, ``(candidates,)``.
        depth: Candidates of each query.
    """
    names = np.array([pattern_of(int(code)) for code in present], dtype=object)
    found = []
    for line, right in zip(logits, expected, strict=True):
        best = np.argsort(-line, kind="stable")[:depth]
        best = best[np.isfinite(line[best])]
        chances = 1.0 / (1.0 + np.exp(-np.clip(line[best], -60, 60)))
        found.append(pairs_of(query, chances, np.isin(best, right), names[best], names[right]))
    return Pairs.joined(found)


def pairs_of(
    query: str,
    chances: Floats,
    relevant: Bools,
    items: Sequence[str] | npt.NDArray[np.object_],
    truth: Sequence[str] | npt.NDArray[np.object_],
) -> Pairs:
    """The pairs of one query: its candidates with their patterns, and the patterns of its answers."""
    items, truth = np.array(items, dtype=object), np.array(truth, dtype=object)
    patterns = np.array([f"{query} -> {item}" for item in items], dtype=object)
    each, answer = (np.full(len(some), 1.0 / max(len(some), 1)) for some in (items, truth))
    return Pairs(
        np.asarray(chances), np.asarray(relevant, dtype=np.bool_), patterns, items, each, truth, answer
    )


def adaptive_error(chances: Floats, relevant: Bools) -> float:
    """Expected calibration error over bins of equal mass: mean distance of score and frequency.

    References:
        Nguyen and O'Connor 2015, "Posterior calibration and exploratory analysis for natural language
        processing models".
    """
    gaps = np.bincount(_places(chances), chances - relevant)
    return float(np.abs(gaps).sum()) / max(len(chances), 1)


def diagram(chances: Floats, relevant: Bools) -> list[list[float]]:
    """Mean score, frequency of what is right, and pairs of each bin of `adaptive_error`, lowest first."""
    place = _places(chances)
    counts = np.bincount(place)
    scores, right = np.bincount(place, chances), np.bincount(place, relevant)
    return [
        [round(float(scores[at] / n), 4), round(float(right[at] / n), 4), int(n)]
        for at, n in enumerate(counts)
        if n
    ]


def _places(chances: Floats) -> Ints:
    """The bin of each score, ``(pairs,)``."""
    bins = int(np.clip(len(chances) // _FEWEST_IN_BIN, 1, _BINS))
    # Equal scores stand in one bin: their order says nothing.
    return np.searchsorted(np.sort(chances), chances) * bins // max(len(chances), 1)


def brier_skill(chances: Floats, relevant: Bools) -> float:
    """One less the Brier score over that of always saying these pairs' base rate; 0 where that is exact."""
    base = float(relevant.mean())
    worst = base * (1.0 - base)
    return 1.0 - float(np.square(chances - relevant).mean()) / worst if worst else 0.0


def representation(pairs: Pairs) -> dict[str, dict[str, float | None]]:
    """By pattern its share of what is found, its share of what is right, and the ratio of the two.

    Each query counts the same in both, however many answers it has. Patterns of fewer than `FEWEST_PAIRS`
    pairs, or without an answer, are taken together.
    """
    counts = {name: int((pairs.items == name).sum()) for name in {*pairs.items, *pairs.truth}}
    small = [n for n, count in counts.items() if count < FEWEST_PAIRS or n not in pairs.truth]
    found, right = (np.where(np.isin(names, small), POOLED, names) for names in (pairs.items, pairs.truth))
    result: dict[str, dict[str, float | None]] = {}
    for name in sorted({*found, *right}):
        ours, theirs = (
            float(weight[at == name].sum() / weight.sum())
            for at, weight in ((found, pairs.shares), (right, pairs.truth_shares))
        )
        # Of too few, even together, nothing can be said.
        known = theirs > 0 and (found == name).sum() >= FEWEST_PAIRS
        ratio = round(ours / theirs, 3) if known else None
        result[str(name)] = {"top10": round(ours, 4), "truth": round(theirs, 4), "ratio": ratio}
    return result


def reliability(pairs: Pairs) -> dict[str, Any]:
    """The ``calibration`` part of a report.

    ``ece`` is the mean over patterns of query and candidate by their pairs, so that one pattern's excess does
    not hide another's lack; ``representation_max`` the greatest ratio, or its inverse where that is greater.
    """
    if not len(pairs.chances):
        return {"pairs": 0}
    names, counts = np.unique(pairs.patterns.astype(str), return_counts=True)
    small = names[counts < FEWEST_PAIRS]
    group = np.where(np.isin(pairs.patterns.astype(str), small), POOLED, pairs.patterns.astype(str))
    patterns = {str(n): _row(pairs.chances[group == n], pairs.relevant[group == n]) for n in np.unique(group)}
    shares = representation(pairs)
    ratios = [row["ratio"] for row in shares.values() if row["ratio"]]
    return {
        **_row(pairs.chances, pairs.relevant),
        "ece": round(_weighted(patterns, "ece"), 4),
        "depth": DEPTH,
        "bins": diagram(pairs.chances, pairs.relevant),
        "patterns": patterns,
        "representation": shares,
        "representation_max": round(max([1.0, *ratios, *(1 / ratio for ratio in ratios)]), 3),
    }


def _row(chances: Floats, relevant: Bools) -> dict[str, Any]:
    return {
        "pairs": len(chances),
        "base_rate": round(float(relevant.mean()), 4),
        "mean_score": round(float(chances.mean()), 4),
        "ece": round(adaptive_error(chances, relevant), 4),
        "brier_skill": round(brier_skill(chances, relevant), 4),
    }


def _weighted(rows: Mapping[str, Mapping[str, Any]], name: str) -> float:
    return sum(row[name] * row["pairs"] for row in rows.values()) / sum(row["pairs"] for row in rows.values())
