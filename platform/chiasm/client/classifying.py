"""Classification, as the knowledge base offers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chiasm.client.parts import query_parts
from chiasm.client.protocol import Backend, JsonDict
from chiasm.errors import UsageError

__all__ = ["Classifying"]


class Classifying:
    """The part of the knowledge base that chooses labels."""

    _backend: Backend

    def classify(
        self,
        text: Any = None,
        *,
        image: Any = None,
        audio: Any = None,
        labels: Sequence[str] = (),
        examples: Mapping[str, Sequence[str]] | None = None,
        by: str | None = None,
    ) -> JsonDict:
        """Which of some labels fits a text, a picture, a sound, or a thing that has several of them.

        Labels alone are compared as words (zero-shot). With examples, or an attribute that entities have, a label is
        the middle of its entities (few-shot), and the temperature of the chances is fitted on them.

        Args:
            text: Words or sentences of the thing.
            image: Path, bytes of a file, PIL image, or uint8 array (height, width, 3).
            audio: Path, bytes of a file, or Waveform.
            labels: At least two; with `by`, those of its values that are looked at.
            examples: Label to keys of entities that have it.
            by: Attribute whose values are the labels.

        Returns:
            `{"labels": [{"label", "probability", "score", "examples"}], "method", "calibrated", "temperature",
            "accuracy", "release", "warnings", "took_ms"}`, the likeliest first. `accuracy` is that on the examples,
            each left out. Without an encoder of the modality there are no labels, and a warning says what to do.

        Raises:
            UsageError: Nothing is given, or fewer than two labels.
            NotFoundError: There is no such entity, or nobody has the attribute.
        """
        if text is None and image is None and audio is None:
            raise UsageError(
                "there is nothing to classify", where="classify", remedy="give a text, an image or an audio"
            )
        if isinstance(labels, str):
            labels = [label.strip() for label in labels.split(",")]
        parts = query_parts(positive={"text": text, "image": image, "audio": audio})
        named = {
            str(label): [keys] if isinstance(keys, str) else list(keys)
            for label, keys in (examples or {}).items()
        }
        return self._backend.classify(parts=parts, labels=list(labels), examples=named, by=by)
