"""Keywords that an entity's own texts list, or that people found it right for: like neighbours that name it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from chiasm.errors import translated

if TYPE_CHECKING:
    from chiasm.training.dataset import Dataset
    from chiasm.training.holdout import Visible

__all__ = ["Lists", "few_names", "items_of", "listed_items", "with_lists"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

#: Entities with fewer names beside them are known by their own texts too.
FEW_NAMES = 2
#: A list of keywords has so many items at least, of so many words at most.
FEWEST_ITEMS, MOST_WORDS = 4, 3
#: Texts encoded at a time.
_CHUNK = 4096
_BETWEEN = re.compile(r"[,;|\u3001\uff0c]")


@dataclass(frozen=True)
class Lists:
    """Which texts list which keywords, and what people asked for."""

    #: In lower case, each once
    texts: tuple[str, ...]
    #: Unit vectors by the encoder of the text features, ``(texts, dim)``
    vectors: Floats
    #: (pairs,) assets of the data set, and the number of a keyword that each lists
    asset: Ints
    item: Ints
    #: (pairs,) Whether people said so of the entity, who may have a text that lists nothing
    said: Bools
    #: Keywords that people asked for, rightly or not
    asked: Ints


def items_of(text: str) -> list[str]:
    """Items of a text that is a list of keywords; none of one that is a sentence."""
    items = [item.strip() for item in _BETWEEN.split(text)]
    short = all(0 < len(item.split()) <= MOST_WORDS and not item.endswith(".") for item in items)
    return items if short and len(items) >= FEWEST_ITEMS else []


def listed_items(texts: Iterable[tuple[int, str]], number: dict[str, int]) -> Ints:
    """What texts list, ``(pairs, 2)``: whose text it is, and the number of the item.

    Args:
        texts: Whose each is, and the text.
        number: Of texts that have one; items that have none are added.
    """
    pairs = [
        (owner, number.setdefault(item, len(number))) for owner, text in texts for item in items_of(text)
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def few_names(data: Dataset, seen: Visible) -> Bools:
    """Entities beside fewer than `FEW_NAMES` names of bare neighbours, ``(entities,)``; stubs are never among them."""
    names = np.flatnonzero(seen.assets & (data.names == "text") & data.stub[data.entity])
    texts = np.bincount(data.entity[names], minlength=data.num_entities)
    owner, at = seen.graph.half_edges(np.arange(data.num_entities))
    lent = texts[seen.graph.adjacency.neighbour[at]]
    beside = np.bincount(owner, weights=lent, minlength=data.num_entities)
    return np.asarray(~data.stub & (beside < FEW_NAMES))


def with_lists(
    data: Dataset, seen: Visible, spec: str, fingerprint: str | None, device: str = "cpu"
) -> Dataset:
    """The data set with the keywords of entities that few neighbours name, and with what people said of hits.

    A query whose hits were all wrong is a keyword that names nothing: it explains itself, and no entity hears of it.
    Queries that are texts held out for judging are passed over. Itself where nobody lists or says anything, or where the
    encoder is not the one that made the text features.

    Args:
        data: The data set.
        seen: The least that is used together with it: who has few names there may need the list.
        spec: Of the encoder of the text features; loaded only where there are keywords.
        fingerprint: Of the encoder that made the text features.
        device: Where to encode.
    """
    from chiasm_encoders import load_encoder

    mine = np.flatnonzero((data.names == "text") & few_names(data, seen)[data.entity])
    number: dict[str, int] = {}
    asked: list[int] = []
    pairs = listed_items(((asset, str(data.value[asset])) for asset in mine.tolist()), number).tolist()
    listed = len(pairs)
    judged = data.held_out_texts
    entity, query, right = data.said
    for one, text, accepted in zip(entity.tolist(), query.tolist(), right.tolist(), strict=True):
        first = data.indptr[one]
        if text not in judged and first < data.indptr[one + 1] and data.names[first] == "text":
            at = number.setdefault(text, len(number))
            asked.append(at)
            pairs += [(first, at)] if accepted else []
    if not number:
        return data
    with translated():
        encoder = load_encoder(spec, device=device)
        if encoder.fingerprint != fingerprint:
            return data
        texts = list(number)
        parts = [encoder.encode(texts[at : at + _CHUNK]) for at in range(0, len(texts), _CHUNK)]
    asset, item = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    said = np.arange(len(pairs)) >= listed
    return replace(
        data,
        lists=Lists(
            tuple(texts), np.concatenate(parts), asset, item, said, np.unique(asked).astype(np.int64)
        ),
    )
