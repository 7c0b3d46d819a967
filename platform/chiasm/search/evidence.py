"""Same-modality evidence of entities and of their graph neighbours."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from chiasm.search.column import Column, Floats
from chiasm.search.replica import Ints, Replica
from chiasm.search.state import State
from chiasm_graph import greatest_nearby

if TYPE_CHECKING:
    from chiasm.fusion.words import WordLinks, Words

__all__ = [
    "HeardWords",
    "NamedWords",
    "heard_words",
    "named_words",
    "near_values",
    "own_values",
    "values_of",
    "word_values",
]

#: Entities of a large space whose vectors are read at a time, which bounds memory.
_CHUNK = 65_536


@dataclass(frozen=True)
class NamedWords:
    """A release's words over the entities of a replica."""

    links: WordLinks
    #: (names,) row that each name names, ascending
    rows: Ints
    #: (names,) number of its word
    words: Ints

    def of(self, rows: Ints) -> Ints:
        """Words that name any of some rows, each once, ``(n,)``."""
        starts, ends = np.searchsorted(self.rows, rows), np.searchsorted(self.rows, rows, side="right")
        spans = [self.words[start:end] for start, end in zip(starts, ends, strict=True)]
        return np.unique(np.concatenate([self.words[:0], *spans]))


def values_of(column: Column, queries: Floats, rows: Ints | None = None) -> Floats:
    """As `Column.values`, in bounded memory whatever the number of entities that matter."""
    if rows is None or not column.large or len(rows) <= _CHUNK:
        return column.values(queries, rows)
    found = np.full((len(queries), len(column.replica)), np.nan, dtype=np.float32)
    for start in range(0, len(rows), _CHUNK):
        some = rows[start : start + _CHUNK]
        found[:, some] = column.values(queries, some)[:, some]
    return found


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
    return np.asarray(shares @ values_of(column, np.stack(vectors), rows), dtype=np.float32)


@dataclass(frozen=True)
class HeardWords:
    """The words that an entity stands beside, and by what."""

    #: All of them, ascending.
    all: Ints
    #: By its own name.
    named: Ints
    #: By each neighbour that lends its name.
    lent: Mapping[int, Ints]

    def of(self, kinds: Collection[str], gone: int | None = None) -> Ints:
        """Those that are left where only some kinds of evidence are, or a neighbour is not there, ``(n,)``."""
        some = [self.named] if "text" in kinds else []
        some += [words for stub, words in self.lent.items() if "graph" in kinds and stub != gone]
        return self.all[np.isin(self.all, np.concatenate([self.all[:0], *some]))]


def heard_words(state: State, words: Words, row: int) -> HeardWords:
    """The words that an entity stands beside."""
    named, replica = named_words(state, words), state.replica
    around = replica.graph.neighbours(row)
    lent = {stub: named.of(np.array([stub])) for stub in around[replica.stub[around]].tolist()}
    return HeardWords(named.links.words_of(row), named.of(np.array([row])), lent)


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
    links = named_words(state, words).links
    shares = np.asarray(weights, dtype=np.float32) / np.float32(sum(weights))
    return np.asarray(shares @ links.evidence(words.activations(np.stack(vectors))), dtype=np.float32)


def named_words(state: State, words: Words) -> NamedWords:
    """The words of a release over the state's replica; kept as long as the replica is."""
    name = f"word links of {state.folder}"
    if name not in state.derived:
        state.derived[name] = _named(state.replica, words)
    found: NamedWords = state.derived[name]
    return found


def _named(replica: Replica, words: Words) -> NamedWords:
    from chiasm.fusion.words import WordLinks

    found = (replica.find(key) for key in words.keys)
    rows = np.array([-1 if row is None else row for row in found], dtype=np.int64)
    # What an entity was called does not name it any more once it has no text.
    known = np.flatnonzero((rows >= 0) & replica.has["text"][rows])
    known = known[np.argsort(rows[known], kind="stable")]
    word, rows = words.word[known], rows[known]
    return NamedWords(WordLinks.build(word, rows, replica.graph, replica.stub), rows, word)


def _nan_for_none(values: npt.NDArray[np.float32]) -> Floats:
    return np.where(np.isneginf(values), np.nan, values).astype(np.float32)
