"""Statements out of SQL into columns: all of them, or what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import Session

from chiasm.catalog.change_log import changed_rows, followable, id_conditions, log_marks
from chiasm.catalog.models import Entity, Predicate, Triple
from chiasm.origins import ORIGINS
from chiasm_graph.store import Columns, Names, TripleTable
from chiasm_graph.store.values import text_of, value_of

__all__ = ["CatalogGraph", "follow_graph", "load_graph"]

Ints = npt.NDArray[np.int64]

_PAGE = 50_000
_CHUNK = 500


@dataclass(frozen=True)
class CatalogGraph:
    """All statements of a workspace, in order of their ids; nodes are the entities in them."""

    table: TripleTable
    #: Entity of each node, (nodes,), in no order.
    entity_ids: Ints
    #: Predicate of each relation, (relations,).
    predicate_ids: Ints
    #: Of the table's edges, ascending, (edges,).
    edge_ids: Ints
    #: Of the table's literals, ascending, (literals,).
    literal_ids: Ints
    revision: int
    #: Tells databases apart; 0 where that is not known.
    epoch: int
    #: Newest entry of the log of changes that is in it.
    last_change: int


def load_graph(session: Session, workspace_id: int, revision: int) -> CatalogGraph:
    """The present statements."""
    marks = log_marks(session)
    return _made(_Rows.fetch(session, workspace_id, None), session, workspace_id, revision, marks)


def follow_graph(
    session: Session, workspace_id: int, old: CatalogGraph, revision: int
) -> CatalogGraph | None:
    """The statements at a newer revision, by what changed since; None where all must be loaded."""
    marks = log_marks(session)
    if not followable(marks, old.epoch, old.last_change):
        return None
    noted = changed_rows(session, workspace_id, old.last_change)
    changed = noted["triple"]
    if len(changed) > max(1000, len(old.table) // 4):
        return None
    newest = max((int(ids[-1]) for ids in (old.edge_ids, old.literal_ids) if len(ids)), default=0)
    rows = _Rows.fetch(session, workspace_id, [Triple.id > newest, *id_conditions(Triple.id, changed)])
    if not len(changed) and not len(rows.ids):
        return replace(old, revision=revision, last_change=marks[1])
    before = _Rows.of(old).without(np.concatenate([changed, rows.ids]))
    return _made(before.then(rows), session, workspace_id, revision, marks, old, noted["entity"])


@dataclass(frozen=True)
class _Rows:
    """Triples by their ids in SQL, (n,) each."""

    ids: Ints
    subjects: Ints
    predicates: Ints
    #: -1 for a literal.
    objects: Ints
    origins: npt.NDArray[np.uint8]
    confidences: npt.NDArray[np.float64]
    #: Of the literals alone, in order.
    values: Names

    @classmethod
    def fetch(cls, session: Session, workspace_id: int, conditions: Sequence[Any] | None) -> _Rows:
        """Those under any of the conditions; None means all."""
        statement = (
            select(
                Triple.id,
                Triple.subject_id,
                Triple.predicate_id,
                func.coalesce(Triple.object_id, -1),
                Triple.origin,
                Triple.confidence,
                cast(Triple.literal, Text),
            )
            .where(Triple.workspace_id == workspace_id)
            .order_by(Triple.id)
            .execution_options(yield_per=_PAGE)
        )
        parts = [_empty()]
        wanted = [statement] if conditions is None else [statement.where(one) for one in conditions]
        for one in wanted:
            parts += [cls._read(page) for page in session.execute(one).partitions()]
        return _joined(parts).sorted()

    @classmethod
    def _read(cls, page: Sequence[Any]) -> _Rows:
        ids, subjects, predicates, objects, origins, confidences, texts = zip(*page, strict=True)
        literals = (text for text, end in zip(texts, objects, strict=True) if end < 0)
        numbers = [np.array(column, dtype=np.int64) for column in (ids, subjects, predicates, objects)]
        return cls(
            numbers[0],
            numbers[1],
            numbers[2],
            numbers[3],
            np.array([ORIGINS.index(name) for name in origins], dtype=np.uint8),
            np.array(confidences, dtype=np.float64),
            # In one spelling, whatever the database makes of JSON.
            Names.of(text_of(value_of("null" if text is None else text)) for text in literals),
        )

    @classmethod
    def of(cls, graph: CatalogGraph) -> _Rows:
        table = graph.table
        edges, literals = table.edges, table.literals
        parts = []
        values = table.values.take(literals.tails.astype(np.int64))
        for columns, ids, ends, texts in (
            (edges, graph.edge_ids, graph.entity_ids[edges.tails], Names.of(())),
            (literals, graph.literal_ids, np.full(literals.size, -1), values),
        ):
            parts.append(
                cls(
                    np.asarray(ids),
                    graph.entity_ids[columns.heads],
                    graph.predicate_ids[columns.relations],
                    ends,
                    columns.origins,
                    columns.confidences,
                    texts,
                )
            )
        return _joined(parts).sorted()

    def without(self, ids: Ints) -> _Rows:
        return self._take(np.flatnonzero(~np.isin(self.ids, ids)))

    def then(self, others: _Rows) -> _Rows:
        return _joined([self, others]).sorted()

    def sorted(self) -> _Rows:
        """By id, each once."""
        if bool((self.ids[1:] > self.ids[:-1]).all()):
            return self
        return self._take(np.unique(self.ids, return_index=True)[1])

    def _take(self, rows: Ints) -> _Rows:
        literal = self.objects < 0
        place = np.cumsum(literal) - 1
        columns = {name: getattr(self, name)[rows] for name in _COLUMNS}
        return _Rows(**columns, values=self.values.take(place[rows[literal[rows]]]))


_COLUMNS = ("ids", "subjects", "predicates", "objects", "origins", "confidences")


def _empty() -> _Rows:
    none = np.zeros(0, dtype=np.int64)
    return _Rows(none, none, none, none, np.zeros(0, np.uint8), np.zeros(0), Names.of(()))


def _joined(parts: Sequence[_Rows]) -> _Rows:
    values = parts[0].values
    for part in parts[1:]:
        if len(part.values):
            values = values.then(part.values)
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
    return _Rows(**columns, values=values)


def _made(
    rows: _Rows,
    session: Session,
    workspace_id: int,
    revision: int,
    marks: tuple[int, int],
    old: CatalogGraph | None = None,
    changed: Ints | None = None,
) -> CatalogGraph:
    """Of rows; with an older graph, and the entities that changed since, keys need not be read again."""
    literal = rows.objects < 0
    entity_ids = np.unique(np.concatenate([rows.subjects, rows.objects[~literal]]))
    names = dict(
        session.execute(
            select(Predicate.id, Predicate.name).where(Predicate.workspace_id == workspace_id)
        ).all()
    )
    predicate_ids = np.array(sorted(names), dtype=np.int64)
    heads = np.searchsorted(entity_ids, rows.subjects)
    relations = np.searchsorted(predicate_ids, rows.predicates)

    def columns(where: npt.NDArray[np.bool_], tails: Ints) -> Columns:
        return Columns.of(heads[where], relations[where], tails, rows.origins[where], rows.confidences[where])

    table = TripleTable(
        _keys(session, workspace_id, entity_ids, old, changed),
        Names.of(names[one] for one in predicate_ids.tolist()),
        columns(~literal, np.searchsorted(entity_ids, rows.objects[~literal])),
        columns(literal, np.arange(int(literal.sum()))),
        rows.values,
        ORIGINS,
    )
    ids = (entity_ids, predicate_ids, rows.ids[~literal], rows.ids[literal])
    return CatalogGraph(table, *ids, revision, *marks)


def _keys(
    session: Session, workspace_id: int, entity_ids: Ints, old: CatalogGraph | None, changed: Ints | None
) -> Names:
    """Key of each entity; of those that were known and did not change, the key that was known."""
    statement = select(Entity.id, Entity.key).where(Entity.workspace_id == workspace_id)
    if old is None or changed is None:
        found = dict(session.execute(statement).all())
        return Names.of(found[one] for one in entity_ids.tolist())
    order = np.argsort(old.entity_ids)
    known = old.entity_ids[order]
    at = np.minimum(np.searchsorted(known, entity_ids), max(0, len(known) - 1))
    sure = (known[at] == entity_ids if len(known) else np.zeros(len(entity_ids), np.bool_)) & ~np.isin(
        entity_ids, changed
    )
    new = entity_ids[~sure]
    read: dict[int, str] = {}
    for these in id_conditions(Entity.id, new):
        read.update(session.execute(statement.where(these)).all())
    both = old.table.nodes.then(Names.of(read[one] for one in new.tolist()))
    place = np.empty(len(entity_ids), dtype=np.int64)
    place[sure] = order[at[sure]]
    place[~sure] = len(known) + np.arange(len(new))
    return both.take(place)
