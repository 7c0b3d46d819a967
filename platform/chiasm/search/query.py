"""What can be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from chiasm.catalog.filters import Filter
from chiasm.errors import UsageError

__all__ = ["KINDS", "MAX_HOPS", "MAX_K", "MODALITIES", "Part", "Query"]

#: Modalities with encoders, in the order in which they are shown.
MODALITIES = ("text", "image", "audio")
KINDS = (*MODALITIES, "entity", "vector")
MAX_K = 1000
MAX_HOPS = 6


@dataclass(frozen=True)
class Part:
    """One thing that the answer should be like, or unlike.

    Args:
        kind: text, image, audio, entity or vector.
        value: A string; a picture, uint8 `(height, width, 3)`; a `Waveform`; an entity's key; a vector
            `(dim,)`.
        weight: Against the other parts; negative means *not like this*.

    Raises:
        UsageError: The kind is unknown, or the value is none of that kind.
    """

    kind: Literal["text", "image", "audio", "entity", "vector"]
    value: Any
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(
                f"unknown kind of query part {self.kind!r}",
                where="query",
                remedy=f"one of {', '.join(KINDS)}",
            )
        if not np.isfinite(self.weight) or self.weight == 0:
            raise UsageError(
                f"weight {self.weight} of the {self.kind} part",
                where="query",
                remedy="weights are finite and not 0; negative means *not like this*",
            )
        wanted = _TESTS.get(self.kind)
        if wanted is not None and not wanted(self.value):
            raise UsageError(
                f"the {self.kind} of the query is empty or of another type",
                where="query",
                remedy="text and entities are strings, a vector is a list of finite numbers",
            )


@dataclass(frozen=True)
class Query:
    """Parts, filters and the number of hits.

    Args:
        parts: At least one of positive weight.
        into: Domain that hits come from.
        domain_from: Domain that the entities among the parts must be of.
        modality: text, image, audio or graph: hits have it.
        where: Condition on entities.
        near: Key of an entity; hits lie within `hops` edges of it.
        hops: Edges, 1 to 6.
        k: How many hits, 1 to 1000.
        explain: Whether hits say why.
        stubs: Whether entities that are only named by others may be hits.

    Raises:
        UsageError: An argument is out of range.
    """

    parts: Sequence[Part]
    into: str | None = None
    domain_from: str | None = None
    modality: str | None = None
    where: Filter | None = None
    near: str | None = None
    hops: int = 1
    k: int = 10
    explain: bool = False
    stubs: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))
        if not any(part.weight > 0 for part in self.parts):
            what = "only negative parts" if self.parts else "no parts"
            raise UsageError(
                f"the query has {what}",
                where="query",
                remedy="give a text, picture, sound, entity or vector to look for",
            )
        if not 1 <= self.k <= MAX_K:
            raise UsageError(f"k is {self.k}", where="query", remedy=f"use 1 to {MAX_K}")
        if not 1 <= self.hops <= MAX_HOPS:
            raise UsageError(f"hops is {self.hops}", where="query", remedy=f"use 1 to {MAX_HOPS}")
        if self.modality is not None and self.modality not in (*MODALITIES, "graph"):
            raise UsageError(
                f"unknown modality {self.modality!r}",
                where="query",
                remedy=f"one of {', '.join(MODALITIES)}, graph",
            )

    def to_dict(self) -> dict[str, Any]:
        """What was asked, without the media, as answers repeat it."""
        asked: dict[str, Any] = {"modalities": list(dict.fromkeys(part.kind for part in self.parts))}
        given = {
            "into": self.into,
            "from": self.domain_from,
            "modality": self.modality,
            "where": str(self.where) if self.where is not None else None,
            "near": self.near,
            "hops": self.hops if self.near is not None else None,
        }
        return {**asked, **{name: value for name, value in given.items() if value is not None}, "k": self.k}


def _is_picture(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 3 and value.size > 0


def _is_vector(value: Any) -> bool:
    return (
        isinstance(value, np.ndarray) and value.ndim == 1 and bool(np.isfinite(value).all() and value.any())
    )


_TESTS = {
    "text": lambda value: isinstance(value, str) and bool(value.strip()),
    "entity": lambda value: isinstance(value, str) and bool(value),
    "image": _is_picture,
    "audio": lambda value: len(getattr(value, "samples", ())) > 0,
    "vector": _is_vector,
}
