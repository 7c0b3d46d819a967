"""A workspace's stated graph as arrays, with its names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.aliases import aliases
from chiasm.catalog.models import Entity, Predicate, Triple
from chiasm.errors import NotFoundError
from chiasm_graph import Triples

if TYPE_CHECKING:
    from chiasm_graph.rules import CaseBase

__all__ = ["GIVEN", "Knowledge", "load_knowledge"]

#: Origins that users gave. Rules are not mined from what rules said, or they would confirm themselves.
GIVEN = ("stated", "table")
_FETCH = 20_000
#: More names than this are not searched for near matches.
_MAX_COMPARED = 20_000

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Knowledge:
    """Entities by row, relations by number, and what is stated between them; immutable."""

    #: Of the workspace.
    revision: int
    keys: list[str]
    titles: list[str | None]
    relations: list[str]
    graph: Triples
    #: Key of each merged entity -> key of the one that it means now.
    aliases: dict[str, str]

    @cached_property
    def rows(self) -> dict[str, int]:
        """Key to row."""
        return {key: row for row, key in enumerate(self.keys)}

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Name of a relation to its number."""
        return {name: number for number, name in enumerate(self.relations)}

    @cached_property
    def cases(self) -> CaseBase:
        """The graph, indexed for rules (`cases.facts`) and for cases."""
        from chiasm_graph.rules import CaseBase, FactIndex

        return CaseBase(FactIndex(self.graph))

    def row(self, key: str) -> int:
        """Row of an entity.

        Raises:
            NotFoundError: There is none; near matches are named.
        """
        row = self.rows.get(self.aliases.get(key, key))
        if row is None:
            titled = [known for known, title in zip(self.keys, self.titles, strict=True) if title == key][:3]
            raise NotFoundError(
                f"there is no entity {key!r}", where="entity", remedy=_advice(titled or _near(key, self.keys))
            )
        return row

    def relation(self, name: str) -> int:
        """Number of a relation.

        Raises:
            NotFoundError: There is none; near matches are named.
        """
        number = self.numbers.get(name)
        if number is None:
            near = _near(name, self.relations) or sorted(self.relations)[:5]
            raise NotFoundError(f"there is no relation {name!r}", where="relation", remedy=_advice(near))
        return number

    def named(self, fact: tuple[int, int, int]) -> list[str]:
        """A fact by its names."""
        head, relation, tail = fact
        return [self.keys[head], self.relations[relation], self.keys[tail]]


def load_knowledge(session: Session, workspace_id: int, revision: int) -> Knowledge:
    """The present statements of a workspace between entities, as users gave them."""
    names = session.execute(
        select(Predicate.id, Predicate.name)
        .where(Predicate.workspace_id == workspace_id)
        .order_by(Predicate.id)
    ).all()
    entities = session.execute(
        select(Entity.id, Entity.key, Entity.title)
        .where(Entity.workspace_id == workspace_id, Entity.deleted_at.is_(None))
        .order_by(Entity.id)
    ).all()
    ids = _ints(row[0] for row in entities)
    edges = _edges(session, workspace_id)
    heads, tails = _places(ids, edges[:, 0]), _places(ids, edges[:, 2])
    relations = _places(_ints(row[0] for row in names), edges[:, 1])
    known = (heads >= 0) & (tails >= 0) & (relations >= 0)
    key_of = {row[0]: row[1] for row in entities}
    return Knowledge(
        revision=revision,
        keys=[row[1] for row in entities],
        titles=[row[2] for row in entities],
        relations=[row[1] for row in names],
        graph=Triples(
            heads[known], relations[known], tails[known], num_nodes=len(ids), num_relations=len(names)
        ),
        aliases={
            name: key_of[kept] for name, kept in aliases(session, workspace_id).items() if kept in key_of
        },
    )


def _edges(session: Session, workspace_id: int) -> Ints:
    """Subject, predicate and object ids, ``(triples, 3)``."""
    statement = (
        select(Triple.subject_id, Triple.predicate_id, Triple.object_id)
        .where(Triple.workspace_id == workspace_id, Triple.object_id.is_not(None), Triple.origin.in_(GIVEN))
        .order_by(Triple.id)
        .execution_options(yield_per=_FETCH)
    )
    pieces = [
        np.array([tuple(row) for row in rows], dtype=np.int64)
        for rows in session.execute(statement).partitions()
    ]
    return np.concatenate([np.zeros((0, 3), dtype=np.int64), *pieces])


def _places(known: Ints, wanted: Ints) -> Ints:
    """Where each id stands among the known ones, which ascend, ``(n,)``; -1 where it does not."""
    if not len(known):
        return np.full(len(wanted), -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, at, -1)


def _ints(values: Iterable[int]) -> Ints:
    return np.fromiter(values, dtype=np.int64)


def _near(name: str, names: Sequence[str]) -> list[str]:
    return difflib.get_close_matches(name, names[:_MAX_COMPARED], n=3)


def _advice(near: list[str]) -> str:
    return f"did you mean {', '.join(map(repr, near))}?" if near else "see `chiasm search` for what there is"
