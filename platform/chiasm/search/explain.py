"""Why a hit is one: shares of its modalities, its rank without each, and paths to the query's entities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chiasm.search.replica import Replica
from chiasm.search.scorer import Scorer, Scores
from chiasm_graph import named_path, shortest_paths

__all__ = ["explain"]

_MAX_HOPS = 3
_MAX_PATHS = 3


def explain(scorer: Scorer, scores: Scores, rows: Sequence[int]) -> list[dict[str, Any]]:
    """The `why` of hits.

    Args:
        scorer: That made the scores.
        scores: Of the entities that may be hits, NaN for others, ``(rows,)``.
        rows: The hits.

    Returns:
        Of each, the share of each modality; ``without`` a modality, the rank that the hit would have: one
        more than the number of others that score above what is left of it; and ``paths`` through the graph.
    """
    starts = [one.row for one in scorer.positive if one.row is not None]
    replica = scorer.state.replica
    return [
        {
            **{kind: round(share, 3) for kind, share in shares.of.items()},
            "without": {kind: {"rank": _rank(scores, row, s)} for kind, s in shares.without.items()},
            "paths": [path for start in starts for path in _paths(replica, start, row)],
        }
        for row, shares in zip(rows, scorer.shares(rows), strict=True)
    ]


def _rank(scores: Scores, row: int, score: float) -> int:
    above = scores > score
    return int(above.sum() - above[row]) + 1


def _paths(replica: Replica, start: int, row: int) -> list[list[str]]:
    found = shortest_paths(replica.graph, start, row, _MAX_HOPS, limit=_MAX_PATHS)
    return [named_path(path, replica.keys, replica.predicates) for path in found]
