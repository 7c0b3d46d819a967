"""What a model may see, by split: assets, edges and words that are held out leave no trace elsewhere."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chiasm.training.dataset import Dataset
from chiasm_graph import Triples

__all__ = ["Visible", "visible"]

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Visible:
    """The part of a data set that may be trained on or indexed."""

    #: (assets,)
    assets: Bools
    #: (triples,)
    triples: Bools
    #: The triples of that mask
    graph: Triples
    #: (entities,) stubs whose name is held out, and with it all their edges
    words: Bools


def visible(data: Dataset, hidden: Collection[str]) -> Visible:
    """What is left when the splits in ``hidden`` are held out.

    - An asset with the same content as a held-out one is held out too.
    - A stub whose name is held out is a *word*: its edges go, and so does every text of a neighbour that
    holds it.
    - A held-out edge and any other edge between the same two entities go.
    """
    held = np.isin(data.split, list(hidden))
    contents = np.unique(data.content[held])
    held = np.isin(data.content, contents)
    words = np.zeros(data.num_entities, dtype=np.bool_)
    words[data.entity[held & (data.names == "text")]] = True
    words &= data.stub
    graph = data.graph
    low, high = np.minimum(graph.heads, graph.tails), np.maximum(graph.heads, graph.tails)
    pairs = low * graph.num_nodes + high
    gone = np.isin(data.triple_split, list(hidden)) | words[graph.heads] | words[graph.tails]
    gone = np.isin(pairs, pairs[np.isin(data.triple_split, list(hidden))]) | gone
    held |= _holding(data, words)
    return Visible(~held, ~gone, graph.select(~gone), words)


def _holding(data: Dataset, words: Bools) -> Bools:
    """Texts of a held-out word's neighbours that hold the word, ``(assets,)``."""
    found = np.zeros(len(data.entity), dtype=np.bool_)
    for ends, others in ((data.graph.heads, data.graph.tails), (data.graph.tails, data.graph.heads)):
        for at in np.flatnonzero(words[ends] & ~words[others]):
            word, entity = ends[at], others[at]
            names = data.value[data.indptr[word] : data.indptr[word + 1]]
            span = slice(data.indptr[entity], data.indptr[entity + 1])
            holds = [bool(text) and any(n and n in text for n in names) for text in data.value[span]]
            found[span] |= np.array(holds, dtype=np.bool_)
    return found
