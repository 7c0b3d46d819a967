"""What can be asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from chiasm.catalog.filters import Filter
from chiasm.errors import UsageError

if TYPE_CHECKING:
    from chiasm.search.paths import PropertyPath

__all__ = ["FUSIONS", "KINDS", "MAX_HOPS", "MAX_K", "MODALITIES", "STRATEGIES", "Part", "Query"]

#: Modalities with encoders, in the order in which they are shown.
MODALITIES = ("text", "image", "audio")
KINDS = (*MODALITIES, "entity", "vector")
#: How the list by words is fused with the one by vectors.
FUSIONS = ("rrf", "weights")
#: What the entities of a query are: things that hits are like, or a taste of which a centre or the nearest counts.
STRATEGIES = ("mix", "average", "best")
MAX_K = 1000
MAX_HOPS = 6
_MAX_PARTS = 1000
_MAX_DIMENSIONS = 65_536


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
        if not math.isfinite(self.weight) or self.weight == 0:
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
        parts: At least one of positive weight, unless there are words to match.
        match: Words and quoted phrases that texts have any of.
        match_weight: Of the list by words, against the heaviest part.
        fuse: How that list and the one by vectors are made one: rrf (by ranks) or weights (by scores).
        strategy: mix: hits are like all parts together. average and best are for entities: liked (positive)
            and disliked ones make a centre, or the nearest of each side count.
        into: Domain that hits come from.
        domain_from: Domain that the entities among the parts must be of.
        modality: text, image, audio or graph: hits have it.
        where: Condition on entities.
        near: Key of an entity; hits lie within `hops` edges of it, or at the end of `path`.
        hops: Edges, 1 to 6.
        path: Edges by predicate that lead from `near` to hits, as in `made_of/^made_of`.
        diversity: 0 to 1: how much unlikeness to the hits before counts (maximal marginal relevance).
        group_by: `domain`, or the name of an attribute: hits of one value stand together, and k counts groups.
        group_size: Hits of a group.
        k: How many hits, 1 to 1000.
        cursor: Where to go on, of an answer to the same query.
        explain: Whether hits say why.
        stubs: Whether entities that are only named by others may be hits.

    Raises:
        UsageError: An argument is out of range.
    """

    parts: Sequence[Part] = ()
    match: str | None = None
    match_weight: float = 1.0
    fuse: str = "rrf"
    strategy: str = "mix"
    into: str | None = None
    domain_from: str | None = None
    modality: str | None = None
    where: Filter | None = None
    near: str | None = None
    hops: int = 1
    path: PropertyPath | None = None
    diversity: float = 0.0
    group_by: str | None = None
    group_size: int = 1
    k: int = 10
    cursor: str | None = None
    explain: bool = False
    stubs: bool = False
    #: One part to look for and a number are all that is said, as of most queries.
    plain: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))
        object.__setattr__(self, "plain", _only_a_part(self))
        if self.plain:
            return
        for name, kind in _TYPES.items():
            if not isinstance(getattr(self, name), kind):
                raise UsageError(
                    f"{name} is {type(getattr(self, name)).__name__}",
                    where="query",
                    remedy="see what `kb.search` takes",
                )
        for what, fits, remedy in _RULES:
            if not fits(self):
                raise UsageError(what(self), where="query", remedy=remedy)

    def to_dict(self) -> dict[str, Any]:
        """What was asked, without the media, as answers repeat it."""
        if self.plain:
            return {"modalities": [self.parts[0].kind], "k": self.k}
        asked: dict[str, Any] = {"modalities": list(dict.fromkeys(part.kind for part in self.parts))}
        given = {
            "match": self.match,
            "fuse": self.fuse if self.match is not None and self.parts else None,
            "strategy": self.strategy if self.strategy != "mix" else None,
            "into": self.into,
            "from": self.domain_from,
            "modality": self.modality,
            "where": str(self.where) if self.where is not None else None,
            "near": self.near,
            "hops": self.hops if self.near is not None and self.path is None else None,
            "path": str(self.path) if self.path is not None else None,
            "diversity": self.diversity or None,
            "group_by": self.group_by,
            "group_size": self.group_size if self.group_by is not None else None,
        }
        return {**asked, **{name: value for name, value in given.items() if value is not None}, "k": self.k}


def _only_a_part(query: Query) -> bool:
    """Whether it is one part to look for and a number: nothing else can be wrong with it."""
    if len(query.parts) != 1 or query.parts[0].weight < 0:
        return False
    return type(query.k) is int and 1 <= query.k <= MAX_K and _others(query) == _UNSAID


def _is_picture(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 3 and value.size > 0


def _is_vector(value: Any) -> bool:
    if not (isinstance(value, np.ndarray) and value.ndim == 1 and 0 < len(value) <= _MAX_DIMENSIONS):
        return False
    # Squares of large numbers may overflow, and those of small ones vanish: then it is looked at properly.
    if value.dtype == np.float32 and 0.0 < value.dot(value) < np.inf:
        return True
    return bool(np.isfinite(value).all() and value.any())


_TESTS = {
    "text": lambda value: isinstance(value, str) and bool(value.strip()),
    "entity": lambda value: isinstance(value, str) and bool(value),
    "image": _is_picture,
    "audio": lambda value: len(getattr(value, "samples", ())) > 0,
    "vector": _is_vector,
}

_WORD = (str, type(None))
#: Queries come from files and services too.
_TYPES: dict[str, Any] = {
    **dict.fromkeys(("match", "into", "domain_from", "modality", "near", "group_by", "cursor"), _WORD),
    **dict.fromkeys(("fuse", "strategy"), str),
    **dict.fromkeys(("hops", "group_size", "k"), int),
    **dict.fromkeys(("match_weight", "diversity"), (int, float)),
}

#: What a query has besides, and what that is where nobody says anything.
_OTHERS = {one.name: one.default for one in fields(Query) if one.name not in ("parts", "k", "plain")}
_others, _UNSAID = attrgetter(*_OTHERS), tuple(_OTHERS.values())

_Rule = tuple[Callable[[Query], str], Callable[[Query], bool], str]
#: What is wrong, when it is not, and what to do.
_RULES: tuple[_Rule, ...] = (
    (
        lambda q: f"the query has {'only negative parts' if q.parts else 'no parts'}",
        lambda q: q.match is not None or any(part.weight > 0 for part in q.parts),
        "give a text, picture, sound, entity or vector to look for, or words to match",
    ),
    (
        lambda q: f"the query has {len(q.parts)} parts",
        lambda q: len(q.parts) <= _MAX_PARTS,
        f"use at most {_MAX_PARTS}",
    ),
    (lambda q: f"k is {q.k}", lambda q: 1 <= q.k <= MAX_K, f"use 1 to {MAX_K}"),
    (lambda q: f"hops is {q.hops}", lambda q: 1 <= q.hops <= MAX_HOPS, f"use 1 to {MAX_HOPS}"),
    (
        lambda q: f"unknown modality {q.modality!r}",
        lambda q: q.modality is None or q.modality in (*MODALITIES, "graph"),
        f"one of {', '.join(MODALITIES)}, graph",
    ),
    (
        lambda q: f"the weight of match is {q.match_weight}",
        lambda q: bool(np.isfinite(q.match_weight)) and q.match_weight > 0,
        "use a positive number",
    ),
    (
        lambda q: f"unknown way to fuse {q.fuse!r}",
        lambda q: q.fuse in FUSIONS,
        f"one of {', '.join(FUSIONS)}",
    ),
    (
        lambda q: f"unknown strategy {q.strategy!r}",
        lambda q: q.strategy in STRATEGIES,
        f"one of {', '.join(STRATEGIES)}",
    ),
    (
        lambda q: f"the strategy {q.strategy} is for liked and disliked entities",
        lambda q: q.strategy == "mix" or all(part.kind in ("entity", "vector") for part in q.parts),
        "leave texts, pictures and sounds out, or use the strategy mix",
    ),
    (
        lambda q: "there is a path, but nothing that it begins at",
        lambda q: q.path is None or q.near is not None,
        "name an entity with `near`",
    ),
    (
        lambda q: "both hops and a path are given",
        lambda q: q.path is None or q.hops == 1,
        "a path says itself how far it leads: leave out hops",
    ),
    (
        lambda q: f"diversity is {q.diversity}",
        lambda q: 0.0 <= q.diversity <= 1.0,
        "use 0 (by score alone) to 1 (by unlikeness alone)",
    ),
    (
        lambda q: "group_by names nothing",
        lambda q: q.group_by is None or bool(q.group_by.strip()),
        "name an attribute, or domain",
    ),
    (
        lambda q: f"{q.k} groups of {q.group_size} hits",
        lambda q: q.group_size >= 1 and q.k * q.group_size <= MAX_K,
        f"groups have at least one hit, and all together at most {MAX_K}",
    ),
    (
        lambda q: "group_size says how large groups are, but nothing says what they are of",
        lambda q: q.group_by is not None or q.group_size == 1,
        "name an attribute, or domain, with group_by",
    ),
)
