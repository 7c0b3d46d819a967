"""How near the rest of a question is to a predicate, by the vectors of the text encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from chiasm.models import ModelCache
from chiasm.questions.predicates import PredicateWords
from chiasm.questions.question import Mention, Question
from chiasm.search.state import State

__all__ = ["VectorNearness"]

#: Cosines of a question to a predicate that has nothing to do with it, and to the right one, as they are with
#: sentence encoders; set by hand, no benchmark has judged them.
_NOTHING, _RIGHT = 0.1, 0.6
#: As words may be in a question for what it is about.
_INSTEAD = "it"


class VectorNearness:
    """Nearness of predicates to a question; the vectors of predicates are kept as long as the replica is.

    Args:
        state: Names the text encoder.
        models: Loads it.
        predicates: What predicates are called.
        question: What is asked.
    """

    def __init__(
        self, state: State, models: ModelCache, predicates: PredicateWords, question: Question
    ) -> None:
        self._state, self._models = state, models
        self._predicates, self._question = predicates, question

    @classmethod
    def there(cls, state: State) -> bool:
        """Whether there is an encoder for it."""
        info = state.spaces.get("text")
        return info is not None and info.encoder is not None

    def __call__(self, mention: Mention, names: Sequence[str]) -> Mapping[str, float]:
        """Predicate to how near it is, 0 to 1."""
        if not names:
            return {}
        kept = self._state.derived.setdefault(("questions", "vectors"), {})
        missing = [name for name in names if name not in kept]
        phrases = [text for name in missing for text in self._predicates.phrases(name)]
        text = self._question.text
        span = self._question.tokens[mention.start].start, self._question.tokens[mention.end - 1].end
        vectors = self._encoded([text[: span[0]] + _INSTEAD + text[span[1] :], *phrases])
        at = 1
        for name in missing:
            count = len(self._predicates.phrases(name))
            kept[name] = vectors[at : at + count]
            at += count
        cosines = {name: float((kept[name] @ vectors[0]).max()) for name in names}
        return {
            name: float(np.clip((cosine - _NOTHING) / (_RIGHT - _NOTHING), 0, 1))
            for name, cosine in cosines.items()
        }

    def _encoded(self, texts: Sequence[str]) -> np.ndarray:
        info = self._state.spaces["text"]
        assert info.encoder is not None
        encoder = self._models.encoder(info.encoder, info.stamp)
        vectors = np.asarray(encoder.encode(list(texts)), dtype=np.float32)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
