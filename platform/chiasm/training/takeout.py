"""Hiding a word from texts that hold it, in feature space."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chiasm.training.dataset import Dataset

__all__ = ["take_out"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def take_out(
    data: Dataset, generator: np.random.Generator, word: Ints, queries: list[Ints], rest: list[Ints]
) -> tuple[Floats, list[Floats]] | None:
    """How much of a word's feature to take out of texts that hold the word.

    The feature of a text is close to the mean of its words', so that ``x - c w`` with ``c`` about half the root of
    the word's share is close to the feature of the text without it (cosine .915 on lists of keywords, and as
    similar to the word as the true one); ``c`` is drawn so that it cannot be learned.

    Args:
        data: The data set.
        generator: Draws the strength.
        word: Node whose name is the query, -1 where the query is no word, ``(rows,)``.
        queries: Assets of each row's query.
        rest: Assets of each row's entity.

    Returns:
        Features of the words, ``(rows, dim)``, and each asset's share of it; None without text.
    """
    if "text" not in data.features:
        return None
    vectors = np.zeros((len(word), data.features["text"].shape[1]), dtype=np.float32)
    shares = []
    for i, (query, assets) in enumerate(zip(queries, rest, strict=True)):
        share = np.zeros(len(assets), dtype=np.float32)
        if word[i] >= 0:
            text = data.value[query[0]]
            vectors[i] = data.features["text"][data.row[query[0]]]
            for j, value in enumerate(data.value[assets]):
                if text and text in value:
                    strength = generator.uniform(0.3, 0.7)
                    share[j] = strength * (len(text) / len(value)) ** 0.5
        shares.append(share)
    return vectors, shares
