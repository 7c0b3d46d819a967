"""What is stated of entities: the predicates there are, both ways, and the values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Predicate, Triple
from chiasm.search.replica import Ints, Replica

__all__ = ["Option", "Value", "edges_of", "options_of", "values_of"]

#: Entities whose statements are looked at together.
_MOST_ROWS = 500


@dataclass(frozen=True)
class Value:
    """A value that is stated of an entity, and where it comes from."""

    row: int
    name: str
    value: Any
    origin: str
    confidence: float


@dataclass(frozen=True)
class Option:
    """A predicate at some entities."""

    name: str
    #: Relations of half-edges that are followed: the number of the predicate, or of its inverse, or both; none for
    #: values.
    relations: tuple[int, ...]
    #: Whether entities are the subject; None for both ways.
    forward: bool | None
    values: tuple[Value, ...] = ()

    @property
    def step(self) -> str:
        """As paths spell it: `^` before a predicate that is followed from its object."""
        return self.name if self.forward is not False else f"^{self.name}"


def options_of(session: Session, replica: Replica, rows: Sequence[int]) -> list[Option]:
    """All predicates that hold of any of some entities."""
    few = np.array(list(rows)[:_MOST_ROWS], dtype=np.int64)
    _, at = replica.graph.half_edges(few)
    relations = np.unique(replica.graph.adjacency.relation[at]).tolist()
    count = replica.graph.num_relations
    found = [
        Option(replica.predicates[relation % count], (relation,), relation < count)
        for relation in relations
        if replica.predicates[relation % count]
    ]
    by_name: dict[str, list[Value]] = {}
    for value in values_of(session, replica, few.tolist()):
        by_name.setdefault(value.name, []).append(value)
    return [*found, *(Option(name, (), True, tuple(values)) for name, values in by_name.items())]


def values_of(session: Session, replica: Replica, rows: Sequence[int]) -> list[Value]:
    """Values that are stated of entities, and their attributes."""
    found = []
    ids = {int(replica.ids[row]): row for row in rows}
    statement = (
        select(Triple.subject_id, Predicate.name, Triple.literal, Triple.origin, Triple.confidence)
        .join(Predicate, Predicate.id == Triple.predicate_id)
        .where(Triple.subject_id.in_(list(ids)), Triple.object_id.is_(None))
        .where(Triple.origin.in_(replica.origins))
        .order_by(Triple.id)
    )
    for subject, name, value, origin, confidence in session.execute(statement):
        found.append(Value(ids[subject], name, value, origin, confidence))
    for row, encoded in zip(rows, replica.attributes.encoded(rows), strict=True):
        attributes = orjson.loads(encoded) if encoded else {}
        for name, value in attributes.items():
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    found.append(Value(row, name, one, "attribute", 1.0))
    return found


def edges_of(replica: Replica, rows: Sequence[int], relations: Sequence[int]) -> tuple[Ints, Ints, Ints]:
    """Edges of some relations at entities.

    Returns:
        The entity, the one at the other end, and the row of the triple, each ``(edges,)``.
    """
    nodes = np.array(list(rows)[:_MOST_ROWS], dtype=np.int64)
    owner, at = replica.graph.half_edges(nodes)
    edges = replica.graph.adjacency
    keep = np.isin(edges.relation[at], np.array(relations, dtype=np.int64))
    return nodes[owner[keep]], edges.neighbour[at[keep]], edges.triple[at[keep]]
