"""Names of bare neighbours as queries for the entities beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chiasm.training.dataset import Dataset
from chiasm_graph import Triples

__all__ = ["LONGEST_PART", "WordPairs", "word_pairs"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: A name longer than this share of a text cannot be taken out of its feature; the text is left out instead.
LONGEST_PART = 0.34


@dataclass(frozen=True)
class WordPairs:
    """Names of bare neighbours: each says something about the entity beside it."""

    #: (pairs,) entity, and the neighbour that is known by its name alone
    entity: Ints
    word: Ints
    #: (pairs,) chance of being drawn; hubs count less
    chance: npt.NDArray[np.float64]


def word_pairs(data: Dataset, graph: Triples, has_text: Bools, held: Bools | None = None) -> WordPairs:
    """Pairs of an entity and a bare neighbour with a name.

    Args:
        data: The data set.
        graph: Edges that training may use.
        has_text: Entities with a text that training may use, ``(entities,)``.
        held: Neighbours to take instead of leaving out; None takes all.
    """
    wordlike = data.stub & has_text if held is None else held & has_text
    ends = np.concatenate([graph.heads, graph.tails]), np.concatenate([graph.tails, graph.heads])
    keep = wordlike[ends[1]] & ~data.stub[ends[0]]
    pairs = np.unique(np.stack([ends[0][keep], ends[1][keep]], axis=1), axis=0)
    pairs = pairs[_telling(data, pairs)]
    degree = np.bincount(pairs[:, 1], minlength=data.num_entities)[pairs[:, 1]]
    chance = 1.0 / np.sqrt(np.maximum(degree, 1))
    return WordPairs(pairs[:, 0], pairs[:, 1], chance / max(chance.sum(), 1e-12))


def _telling(data: Dataset, pairs: Ints) -> Bools:
    """Pairs whose word stands nowhere else beside its entity, ``(pairs,)``.

    Where another neighbour's name or a short text holds the word as well, the pair would teach that
    likeness of
    letters is enough, and words that nothing is like would be found worse than before training. Of a data set
    without other pairs all are kept.
    """
    names = [" ".join(data.value[a:b]) for a, b in zip(data.indptr[:-1], data.indptr[1:], strict=True)]
    keep = np.ones(len(pairs), dtype=np.bool_)
    start = np.searchsorted(pairs[:, 0], pairs[:, 0], side="left")
    stop = np.searchsorted(pairs[:, 0], pairs[:, 0], side="right")
    for at, (entity, word) in enumerate(pairs.tolist()):
        name = names[word]
        texts = data.value[data.indptr[entity] : data.indptr[entity + 1]]
        others = [names[o] for o in pairs[start[at] : stop[at], 1] if o != word]
        short = any(name in t and len(name) > LONGEST_PART * len(t) for t in texts)
        keep[at] = not (short or any(name in o for o in others) or any(t.count(name) > 1 for t in texts))
    return keep if keep.any() else np.ones_like(keep)
