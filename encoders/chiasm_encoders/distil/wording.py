"""What a catalogue says about words: each word beside an entity, and what else stands beside that entity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chiasm_encoders.errors import SupervisionError

__all__ = ["Wording"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Wording:
    """Pairs of a word and an entity, and the phrases of each entity.

    Raises:
        SupervisionError: the arrays do not fit each other.
    """

    #: All words and phrases, each once.
    texts: Sequence[str]
    #: `(pairs,)` row of the word among the texts, and number of the entity that it stands beside.
    word: Ints
    entity: Ints
    #: Rows of each entity's phrases in CSR form: `(entities + 1,)` offsets and rows.
    phrases: tuple[Ints, Ints]

    def __post_init__(self) -> None:
        offsets, rows = self.phrases
        if len(self.word) != len(self.entity):
            raise SupervisionError(f"{len(self.word)} words for {len(self.entity)} entities")
        if int(offsets[-1]) != len(rows):
            raise SupervisionError("the phrase offsets do not end at the number of phrases")
        if max((int(a.max()) for a in (self.word, rows) if len(a)), default=-1) >= len(self.texts):
            raise SupervisionError(f"a row is none of the {len(self.texts)} texts")
        if len(self.entity) and int(self.entity.max()) >= len(offsets) - 1:
            raise SupervisionError(f"an entity is none of the {len(offsets) - 1} with phrases")

    def of(self, entity: int) -> Ints:
        """Rows of an entity's phrases."""
        offsets, rows = self.phrases
        return rows[offsets[entity] : offsets[entity + 1]]

    def beside(self, pair: int) -> Ints:
        """Rows of what is left of a pair's entity where its word is unknown.

        A word never seen stands nowhere in what is known of its entity, neither whole nor in part: phrases
        that hold it, or that it holds, would teach likeness of letters instead of meaning.
        """
        word = self.texts[self.word[pair]].lower()
        rows = self.of(int(self.entity[pair]))
        held = [word in (other := self.texts[r].lower()) or other in word for r in rows]
        return rows[~np.array(held, dtype=np.bool_)]

    def telling(self) -> Wording:
        """The pairs that leave their entity a phrase."""
        kept = np.array([len(self.beside(p)) > 0 for p in range(len(self.word))], dtype=np.bool_)
        return Wording(self.texts, self.word[kept], self.entity[kept], self.phrases)
