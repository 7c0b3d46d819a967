"""Same-modality evidence of entities and of their graph neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from chiasm.search.column import Column, Floats
from chiasm.search.replica import Ints, Replica
from chiasm.search.state import State
from chiasm_graph import greatest_nearby

if TYPE_CHECKING:
    from chiasm.fusion.words import WordLinks, Words

__all__ = ["near_values", "own_values", "word_values"]


def own_values(
    column: Column, vectors: Sequence[Floats], weights: Sequence[float], rows: Ints | None = None
) -> Floats:
    """Greatest cosine of each query item to an entity's own, averaged, ``(rows,)``; NaN for none.

    Args:
        column: Space of the modality.
        vectors: The query's items of that modality, each ``(dim,)``.
        weights: Of each item, positive.
        rows: Entities that matter.
    """
    shares = np.asarray(weights, dtype=np.float32) / np.float32(sum(weights))
    return np.asarray(shares @ column.values(np.stack(vectors), rows), dtype=np.float32)


def near_values(replica: Replica, own: Floats, rows: Ints | None = None) -> Floats:
    """Greatest own value near each entity, stubs included, ``(rows,)``; NaN for none.

    Near are its neighbours; with all entities at hand, also theirs where none of its own has a value.

    Args:
        replica: Holds the graph.
        own: Own values of all entities that may be neighbours, ``(rows,)``.
        rows: Entities that matter.
    """
    if rows is None:
        return greatest_nearby(own[None], replica.graph)[0]
    adjacency = replica.graph.adjacency
    found = np.full(len(replica), np.nan, dtype=np.float32)
    filled = np.where(np.isnan(own), -np.inf, own).astype(np.float32)
    here = rows[replica.linked[rows]]
    if not len(here):
        return found
    owner, at = replica.graph.half_edges(here)
    starts = np.searchsorted(owner, np.arange(len(here)))
    best = np.maximum.reduceat(filled[adjacency.neighbour[at]], starts)
    found[here] = _nan_for_none(best)
    return found


def word_values(state: State, words: Words, vectors: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """What known words say about each entity, averaged over the query's items, ``(rows,)``; NaN for none.

    Args:
        state: Of the release that ``words`` belong to.
        words: The release's.
        vectors: The query's texts, each ``(dim,)``.
        weights: Of each text, positive.
    """
    name = f"word links of {state.folder}"
    if name not in state.derived:
        state.derived[name] = _links(state.replica, words)
    links: WordLinks = state.derived[name]
    shares = np.asarray(weights, dtype=np.float32) / np.float32(sum(weights))
    return np.asarray(shares @ links.evidence(words.activations(np.stack(vectors))), dtype=np.float32)


def _links(replica: Replica, words: Words) -> WordLinks:
    from chiasm.fusion.words import WordLinks

    found = (replica.find(key) for key in words.keys)
    rows = np.array([-1 if row is None else row for row in found], dtype=np.int64)
    known = rows >= 0
    return WordLinks.build(words.word[known], rows[known], replica.graph, replica.stub)


def _nan_for_none(values: npt.NDArray[np.float32]) -> Floats:
    return np.where(np.isneginf(values), np.nan, values).astype(np.float32)
