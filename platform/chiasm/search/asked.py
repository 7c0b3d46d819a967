"""From the parts of a query to vectors: encoders for what is given, stored vectors for entities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from chiasm.errors import DimensionError, NotFoundError, translated, within
from chiasm.models import ModelCache
from chiasm.search.column import Floats
from chiasm.search.query import MODALITIES, Part, Query
from chiasm.search.state import State
from chiasm.search.threads import one_thread

__all__ = ["Asked", "of_batch", "resolve"]

_TINY = 1e-30


@dataclass(frozen=True)
class Asked:
    """A part of the query as vectors."""

    part: Part
    #: Modality to the part's own features, ``(items, dim)``.
    features: dict[str, Floats] = field(default_factory=dict)
    #: Vector in the fused space, where it is stored or given.
    fused: Floats | None = None
    #: Row of the entity, for an entity part.
    row: int | None = None

    @property
    def usable(self) -> bool:
        """Whether there is anything to search by."""
        return self.fused is not None or bool(self.features)


def resolve(
    state: State, models: ModelCache, queries: Sequence[Query]
) -> list[tuple[list[Asked], list[str]]]:
    """Of each query the parts as vectors, and warnings about those that cannot be used.

    Raises:
        NotFoundError: There is no such entity, or it is of another domain than `domain_from`.
        DimensionError: A raw vector fits no space.
    """
    encoded = _encode(state, models, queries)
    found = []
    for number, query in enumerate(queries):
        with within(of_batch(number, len(queries))):
            found.append(_resolved(state, query, encoded.get(number, {})))
    return found


def of_batch(number: int, count: int) -> str | None:
    """What errors about one of several queries say of it."""
    return f"query {number + 1}" if count > 1 else None


def _resolved(state: State, query: Query, encoded: Mapping[int, Floats]) -> tuple[list[Asked], list[str]]:
    asked = []
    missing = {
        part.kind for at, part in enumerate(query.parts) if part.kind in MODALITIES and at not in encoded
    }
    warnings = [_no_encoder(state, modality) for modality in MODALITIES if modality in missing]
    for at, part in enumerate(query.parts):
        if part.kind == "entity":
            found = _entity(state, part, query)
            if not found.usable:
                warnings.append(f"entity {part.value!r} has no vector yet: wait until its ingest job is done")
        elif part.kind == "vector":
            found = _vector(state, part)
        else:
            found = Asked(part, {part.kind: encoded[at][None]} if at in encoded else {})
        asked.append(found)
    return asked, warnings


def _encode(state: State, models: ModelCache, queries: Sequence[Query]) -> dict[int, dict[int, Floats]]:
    """Query to the vectors of its parts by position, where there is an encoder."""
    encoded: dict[int, dict[int, Floats]] = {}
    for modality in MODALITIES:
        places = [
            (number, at, part.value)
            for number, query in enumerate(queries)
            for at, part in enumerate(query.parts)
            if part.kind == modality
        ]
        info = state.spaces.get(modality)
        if not places or info is None or info.encoder is None:
            continue
        encoder = models.query_encoder(info.encoder, info.stamp, info.student, info.student_stamp)
        with translated(), one_thread():
            vectors = np.asarray(encoder.encode([value for _, _, value in places]), dtype=np.float32)
        for (number, at, _), vector in zip(places, vectors, strict=True):
            encoded.setdefault(number, {})[at] = vector
    return encoded


def _entity(state: State, part: Part, query: Query) -> Asked:
    row, domain = state.replica.row(part.value), query.domain_from
    if domain is not None and state.replica.domains[row] != state.replica.domain(domain):
        raise NotFoundError(
            f"entity {part.value!r} is not of domain {domain!r}", where="entity", remedy="name its own domain"
        )
    fused = None
    if "fused" in state.columns:
        stored = state.columns["fused"].items_of(row)
        fused = stored[0] if len(stored) else None
    features = {}
    # An entity that is fused stands for that vector, unless its likes are gathered by what they are made of.
    for modality in MODALITIES if fused is None or query.strategy != "mix" else ():
        if modality in state.columns:
            items = state.columns[modality].items_of(row)
            if len(items):
                features[modality] = items
    return Asked(part, features, fused, row)


def _vector(state: State, part: Part) -> Asked:
    vector = np.asarray(part.value, dtype=np.float32)
    square = float(vector.dot(vector))
    if not _TINY < square < math.inf:
        # Squares of such numbers are no single precision.
        square = float(np.square(vector, dtype=np.float64).sum())
    vector = (vector / math.sqrt(square)).astype(np.float32, copy=False)
    if state.folder is not None:
        dims = {"fused": state.columns["fused"].view.dim}
    else:
        dims = {kind: column.view.dim for kind, column in state.columns.items()}
    fitting = [kind for kind, dim in dims.items() if dim == len(vector)]
    if not fitting:
        known = ", ".join(f"{kind} {dim}" for kind, dim in dims.items()) or "no space yet"
        raise DimensionError(
            f"the query's vector has {len(vector)} dimensions",
            where="query",
            remedy=f"spaces to search by vector: {known}",
        )
    return Asked(part, fused=vector) if fitting[0] == "fused" else Asked(part, {fitting[0]: vector[None]})


def _no_encoder(state: State, modality: str) -> str:
    if state.replica.empty:
        return "the workspace is empty: run `chiasm ingest` first"
    if state.folder is not None:
        return (
            f"release {state.release} has no {modality} encoder, so this part is not used: "
            f"ingest {modality} and run `chiasm train`"
        )
    return (
        f"there is no {modality} encoder yet, so this part is not used: run `chiasm train`, "
        f"or set CHIASM_{modality.upper()}_ENCODER and ingest again"
    )
