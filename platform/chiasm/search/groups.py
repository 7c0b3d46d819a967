"""Hits by what they share: their domain, or the value of an attribute."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Entity
from chiasm.search.replica import Ints
from chiasm.search.state import State

__all__ = ["MAX_GROUPED", "grouped"]

#: Entities that are looked at, best first, to fill the groups.
MAX_GROUPED = 10_000
_A_TIME = 500


def grouped(
    state: State, catalog: Catalog, rows: Ints, name: str, *, count: int, size: int
) -> tuple[Ints, list[Any]]:
    """The hits of the best groups, those of a group together, and the value of each hit's group.

    Groups stand in the order of their best hit. Entities without the attribute are a group of their own; a list
    is one value.

    Args:
        state: What is searched.
        catalog: Where attributes are read.
        rows: Best first, ``(n,)``.
        name: `domain`, or an attribute.
        count: Groups that are wanted.
        size: Hits of a group at most.
    """
    found: dict[str, tuple[Any, list[int]]] = {}
    full = 0
    for row, value in _values(state, catalog, rows, name):
        key = json.dumps(value, sort_keys=True)
        if key not in found and len(found) == count:
            continue
        members = found.setdefault(key, (value, []))[1]
        if len(members) < size:
            members.append(row)
            full += len(members) == size
        if full == count:
            break
    hits = [(row, value) for value, members in found.values() for row in members]
    return np.array([row for row, _ in hits], dtype=np.int64), [value for _, value in hits]


def _values(state: State, catalog: Catalog, rows: Ints, name: str) -> Iterator[tuple[int, Any]]:
    replica = state.replica
    for start in range(0, len(rows), _A_TIME):
        some = rows[start : start + _A_TIME].tolist()
        if name == "domain":
            domains = (int(replica.domains[row]) for row in some)
            yield from zip(some, (replica.domain_names[d] if d >= 0 else None for d in domains), strict=True)
        else:
            ids = [int(replica.ids[row]) for row in some]
            known = _attributes(catalog, state.workspace_id, ids, name)
            yield from ((row, known.get(entity_id)) for row, entity_id in zip(some, ids, strict=True))


def _attributes(catalog: Catalog, workspace_id: int, ids: Sequence[int], name: str) -> dict[int, Any]:
    statement = select(Entity.id, Entity.attributes).where(
        Entity.workspace_id == workspace_id, Entity.id.in_(ids)
    )
    with catalog.read() as session:
        return {entity_id: (given or {}).get(name) for entity_id, given in session.execute(statement)}
