"""Which entities have which label."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from chiasm.classification.request import MOST_LABELS, ClassifyRequest, check_labels
from chiasm.errors import NotFoundError, UsageError
from chiasm.search.state import State

__all__ = ["MOST_EXAMPLES", "examples_of"]

Ints = npt.NDArray[np.int64]
#: Entities of a label that are looked at; more change its middle little.
MOST_EXAMPLES = 256
_NAMED = 12


def examples_of(state: State, request: ClassifyRequest) -> dict[str, Ints]:
    """Label to rows of entities that have it, in the order of the labels.

    Raises:
        NotFoundError: There is no such entity, or nobody has the attribute.
        UsageError: The attribute has one value only, or too many.
    """
    if request.by is None:
        rows = {label: [state.replica.row(key) for key in keys] for label, keys in request.examples.items()}
        return {label: np.unique(rows[label]) for label in request.labels or rows}
    found = _by_attribute(state, request.by)
    if request.labels:
        lacking = [label for label in request.labels if label not in found]
        if lacking:
            raise NotFoundError(
                f"no entity has {request.by} = {lacking[0][:80]!r}",
                where=f"attribute {request.by}",
                remedy=f"its values are {_some(list(found))}",
            )
        found = {label: found[label] for label in request.labels}
    if len(found) > MOST_LABELS:
        raise UsageError(
            f"{len(found):,} values are no labels",
            where=f"attribute {request.by}",
            remedy=f"name at most {MOST_LABELS:,} of them with labels",
        )
    check_labels(list(found))
    return {label: _spread(np.array(rows, dtype=np.int64)) for label, rows in found.items()}


def _by_attribute(state: State, name: str) -> dict[str, list[int]]:
    replica = state.replica
    found: dict[str, list[int]] = {}
    known: set[str] = set()
    there = np.flatnonzero(replica.live & ~replica.stub)
    for row, raw in zip(there.tolist(), replica.attributes.encoded(there.tolist()), strict=True):
        attributes: Mapping[str, Any] = orjson.loads(raw) if raw else {}
        known |= attributes.keys()
        value = attributes.get(name)
        for one in value if isinstance(value, list) else [value]:
            label = _label(one)
            if label is not None:
                found.setdefault(label, []).append(row)
    if not found:
        raise NotFoundError(
            f"no entity has the attribute {name[:80]!r}",
            where="by",
            remedy=f"attributes are {_some(sorted(known))}" if known else "ingest entities with attributes",
        )
    return dict(sorted(found.items()))


def _label(value: Any) -> str | None:
    """A value as it is written; None for what is no label."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float) and math.isfinite(value):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return value if isinstance(value, str) and value.strip() else None


def _spread(rows: Ints) -> Ints:
    if len(rows) <= MOST_EXAMPLES:
        return rows
    return rows[np.linspace(0, len(rows) - 1, MOST_EXAMPLES).astype(np.int64)]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(name[:40] for name in names[:_NAMED]) + more
