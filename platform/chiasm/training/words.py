"""The regression from words on what a model may see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chiasm.fusion.words import MOST_WORDS, WordLinks, Words
from chiasm.training.dataset import Dataset
from chiasm.training.holdout import Visible
from chiasm.training.lists import few_names

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
        """Solve the regression; None where no neighbour lends a name and no text lists keywords.

        Words are names of stubs that have an edge, titles of entities, and what entities that few stubs name
        list, and what people asked for. Where there are more than `MOST_WORDS`, those that people asked for are kept,
        and those that stand beside the most entities.
        """
        names = _names(data, seen)
        asset, item = _listed(data, seen)
        nodes = np.concatenate([data.entity[names], data.entity[asset]])
        # Last those that name nothing by themselves.
        item = np.concatenate([item, data.lists.asked]) if data.lists else item
        if not data.stub[nodes].any() and not len(item):
            return None
        listed = data.lists.texts if data.lists else ()
        texts = np.concatenate([data.value[names], np.array(listed, dtype=object)[item]]).astype(str)
        _, first, word = np.unique(texts, return_index=True, return_inverse=True)
        word, asked = word[: len(nodes)], word[len(nodes) :]
        links = WordLinks.build(word, nodes, seen.graph, data.stub)
        degree = np.bincount(links.word, minlength=len(first))
        degree[asked] += len(nodes)
        kept = np.sort(np.argsort(-degree, kind="stable")[: min(MOST_WORDS, int((degree > 0).sum()))])
        number = np.full(len(first), -1, dtype=np.int64)
        number[kept] = np.arange(len(kept))
        mine = number[word] >= 0
        word, nodes = number[word[mine]], nodes[mine]
        words = Words.fit(_vectors(data, names, item, first[kept]), tuple(data.key[nodes].tolist()), word)
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


def _listed(data: Dataset, seen: Visible) -> tuple[Ints, Ints]:
    """Assets that list keywords of entities with few names or that people asked for, and their numbers, ``(pairs,)``."""
    if data.lists is None:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    asset = data.lists.asset
    used = seen.assets[asset] & (data.lists.said | few_names(data, seen)[data.entity[asset]])
    return asset[used], data.lists.item[used]


def _vectors(data: Dataset, names: Ints, item: Ints, at: Ints) -> Floats:
    """Vectors of some of the names and listed keywords, in that order, ``(at, dim)``."""
    named = at < len(names)
    found = np.empty((len(at), data.features["text"].shape[1]), dtype=np.float32)
    found[named] = data.features["text"][data.row[names[at[named]]]]
    if data.lists is not None:
        found[~named] = data.lists.vectors[item[at[~named] - len(names)]]
    return found
