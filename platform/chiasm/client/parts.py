"""What a query is made of, before anything is decoded: kinds, values, weights."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chiasm.errors import InputError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["QueryPart", "query_parts"]

_KINDS = ("text", "image", "audio", "entity", "vector")


@dataclass(frozen=True)
class QueryPart:
    """One part of a query; a negative weight means "not like this"."""

    #: text, image, audio, entity or vector.
    kind: str
    #: A string (text, entity key); encoded bytes or decoded media; a list of floats, or an array.
    value: Any
    weight: float = 1.0

    def media_bytes(self) -> bytes:
        """The picture or sound as an encoded file (decoded media become PNG or WAV)."""
        if isinstance(self.value, bytes):
            return self.value
        buffer = io.BytesIO()
        if self.kind == "image":
            from PIL import Image

            Image.fromarray(self.value).save(buffer, format="PNG")
        else:
            import soundfile

            soundfile.write(buffer, self.value.samples, self.value.sample_rate_hz, format="WAV")
        return buffer.getvalue()


def query_parts(
    *,
    positive: Mapping[str, Any],
    negative: Mapping[str, Any] | None = None,
    weights: Mapping[str, float] | None = None,
    others: Sequence[QueryPart] = (),
    needed: bool = True,
) -> list[QueryPart]:
    """The parts of a query from the arguments of `KnowledgeBase.search`.

    Args:
        positive: Kind to one value, a list of values, or None.
        negative: The same, for what the hits must not be like.
        weights: Kind to weight (default 1).
        others: Parts that the query has besides.
        needed: Whether there must be a positive one.

    Raises:
        UsageError: There is no part, a weight names an unknown kind, or is not positive.
        InputError: A media file cannot be read.
    """
    weights = dict(weights or {})
    for kind, weight in weights.items():
        if kind not in _KINDS:
            raise UsageError(
                f"unknown query kind {kind[:80]!r}", where="weights", remedy=f"use {', '.join(_KINDS)}"
            )
        if not weight > 0:
            raise UsageError(
                f"the weight of {kind} is {weight}, not positive",
                where="weights",
                remedy="use a positive weight; exclude with not_text, not_image, ...",
            )
    parts = [
        QueryPart(kind, _value(kind, value), sign * weights.get(kind, 1.0))
        for sign, group in ((1.0, positive), (-1.0, negative or {}))
        for kind, given in group.items()
        if given is not None
        for value in _listed(kind, given)
    ]
    if needed and not any(part.weight > 0 for part in (*parts, *others)):
        raise UsageError(
            "the query has no part to look for",
            where="query",
            remedy="give at least one of text, image, audio, entity or match",
        )
    return parts


def _listed(kind: str, given: Any) -> Iterable[Any]:
    if kind == "vector":
        nested = hasattr(given, "ndim") and given.ndim == 2
        return list(given) if nested or (len(given) and hasattr(given[0], "__len__")) else [given]
    return list(given) if isinstance(given, (list, tuple, set, frozenset)) else [given]


def _value(kind: str, value: Any) -> Any:
    if kind in ("text", "entity"):
        text = value if isinstance(value, str) else str(getattr(value, "key", value))
        if not text.strip():
            raise UsageError(
                f"the query's {kind} is empty", where=kind, remedy="say what to look for, or leave it out"
            )
        return text
    if kind == "vector":
        # An array stays one: a search by vector takes no longer than it takes to look at its numbers twice.
        return value if hasattr(value, "ndim") else [float(number) for number in value]
    if isinstance(value, (str, Path)):
        try:
            return Path(value).read_bytes()
        except OSError as error:
            raise InputError(
                f"the query's {kind} cannot be read: {error.strerror}",
                where=str(value),
                remedy="give the path of a readable file",
            ) from error
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    return _decoded(kind, value)


def _decoded(kind: str, value: Any) -> Any:
    if kind == "image":
        return _pixels(value)
    if hasattr(value, "samples") and hasattr(value, "sample_rate_hz"):
        return value
    raise UsageError(
        f"a sound cannot be given as {type(value).__name__}",
        remedy="give a path, the bytes of a file, or a chiasm_encoders.Waveform",
    )


def _pixels(value: Any) -> NDArray[np.uint8]:
    import numpy as np

    array = np.asarray(value.convert("RGB") if hasattr(value, "convert") else value)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise UsageError(
            f"a picture cannot be given as {type(value).__name__}",
            remedy="give a path, the bytes of a file, a PIL image or a uint8 array (height, width, 3)",
        )
    return array
