"""The regression from words on what a model may see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chiasm.fusion.words import MOST_WORDS, WordLinks, Words
from chiasm.training.dataset import Dataset
from chiasm.training.holdout import Visible

__all__ = ["SeenWords"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SeenWords:
    """Words that are seen, and what they stand beside as far as that is seen."""

    words: Words
    links: WordLinks

    @classmethod
    def fit(cls, data: Dataset, seen: Visible) -> SeenWords | None:
        """Solve the regression; None where no neighbour lends a name.

        Words are names of stubs that have an edge, and titles of entities. Where there are more than
        `MOST_WORDS`, those that stand beside the most entities are kept.
        """
        names = _names(data, seen)
        nodes = data.entity[names]
        if not data.stub[nodes].any():
            return None
        _, first, word = np.unique(data.content[names], return_index=True, return_inverse=True)
        links = WordLinks.build(word, nodes, seen.graph, data.stub)
        degree = np.bincount(links.word, minlength=len(first))
        kept = np.sort(np.argsort(-degree, kind="stable")[: min(MOST_WORDS, int((degree > 0).sum()))])
        number = np.full(len(first), -1, dtype=np.int64)
        number[kept] = np.arange(len(kept))
        mine = number[word] >= 0
        word, nodes = number[word[mine]], nodes[mine]
        vectors = data.features["text"][data.row[names[first[kept]]]].astype(np.float32)
        words = Words.fit(vectors, tuple(data.key[nodes].tolist()), word)
        return cls(words, WordLinks.build(word, nodes, seen.graph, data.stub))

    def evidence(self, queries: Floats) -> Floats:
        """What the words say about entities, ``(queries, entities)``; NaN beside no word."""
        return self.links.evidence(self.words.activations(queries))


def _names(data: Dataset, seen: Visible) -> Ints:
    """Assets that name a node: those of stubs that have an edge, and the titles of entities."""
    linked = seen.graph.degrees()[data.entity] > 0
    stub = data.stub[data.entity]
    titled = ~stub & (data.value == data.title[data.entity])
    return np.flatnonzero((data.names == "text") & seen.assets & ((stub & linked) | titled))
