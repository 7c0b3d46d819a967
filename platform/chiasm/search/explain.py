"""Why a hit is one: shares of its modalities, its rank without each, and paths to the query's entities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chiasm.search.replica import Replica
from chiasm.search.scorer import Reasons, Scorer
from chiasm_graph import named_path, shortest_paths

__all__ = ["explain"]

_MAX_HOPS = 3
_MAX_PATHS = 3
_MAX_EDGES = 5
#: Below this the difference between everything and nothing is none, and shares of it would be noise.
_LEAST = 0.01


def explain(scorer: Scorer, rows: Sequence[int]) -> list[dict[str, Any]]:
    """The `why` of hits.

    Args:
        scorer: That made the scores.
        rows: The hits.

    Returns:
        Of each:

        - by kind (text, image, audio, graph) its signed share: the Shapley value over the difference that
          everything makes, so that shares sum to 1 where knowing the entity speaks for it;
        - ``without`` a kind: the rank that the entity would have, one more than the number of others that
          score above what is left of it; None if it would not be found;
        - ``edges``: what each neighbour adds, as shares of the same difference. Neighbours that say the same
          share their effect, so these need not sum to the share of the graph;
        - ``paths`` through the graph from the entities of the query;
        - ``cosine`` of query and entity, and ``value``: what the score is made of (a logit after the first
          release, a mean reciprocal rank before) for nothing and for everything.
    """
    starts = [one.row for one in scorer.positive if one.row is not None]
    replica = scorer.state.replica
    return [
        {
            **_shares(reasons),
            "without": {kind: {"rank": rank} for kind, rank in reasons.without.items()},
            "edges": _edges(replica, row, reasons),
            "paths": [path for start in starts for path in _paths(replica, start, row)],
            "cosine": None if reasons.cosine is None else round(reasons.cosine, 4),
            "value": {"nothing": round(reasons.nothing, 4), "everything": round(reasons.everything, 4)},
        }
        for row, reasons in zip(rows, scorer.reasons(rows), strict=True)
    ]


def _shares(reasons: Reasons) -> dict[str, float]:
    return {kind: _share(reasons, value) for kind, value in reasons.shares.items()}


def _share(reasons: Reasons, value: float) -> float:
    return round(float(value) / max(abs(reasons.everything - reasons.nothing), _LEAST), 3)


def _edges(replica: Replica, row: int, reasons: Reasons) -> list[dict[str, Any]]:
    found = []
    for neighbour, value in reasons.edges[:_MAX_EDGES]:
        share = _share(reasons, value)
        path = shortest_paths(replica.graph, row, neighbour, 1, limit=1)
        if share and path:
            found.append({"path": named_path(path[0], replica.keys, replica.predicates), "share": share})
    return found


def _paths(replica: Replica, start: int, row: int) -> list[list[str]]:
    found = shortest_paths(replica.graph, start, row, _MAX_HOPS, limit=_MAX_PATHS)
    return [named_path(path, replica.keys, replica.predicates) for path in found]
