"""Triple rows: a record's relations, and edges from triples files."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import JSON, BigInteger, Double, Text, bindparam, cast, delete, select, true, update
from sqlalchemy import literal as sql_literal
from sqlalchemy.types import TypeEngine

from chiasm.catalog.bulk import listed, rows_of, upsert
from chiasm.catalog.models import MergePart
from chiasm.ingest.prepare import Prepared, literal_ref
from chiasm.ingest.records import Relation
from chiasm.ingest.rows import Edge
from chiasm.ingest.write.bases import hand_over_statement, take_back
from chiasm.ingest.write.entities import name_ids
from chiasm.ingest.write.state import WriteState
from chiasm.ingest.write.tables import PREDICATE, TRIPLE, chunks
from chiasm.origins import DERIVED, STATED, TABLE

__all__ = ["add_edges", "sync_relations"]

#: Columns of new triples as they are handed to the database: those between entities, and those with a literal.
_LINKED: dict[str, type[TypeEngine[Any]]] = {
    "subject_id": BigInteger,
    "predicate_id": BigInteger,
    "object_id": BigInteger,
    "confidence": Double,
}
_VALUED: dict[str, type[TypeEngine[Any]]] = {
    "subject_id": BigInteger,
    "predicate_id": BigInteger,
    "literal": JSON,
    "object_ref": Text,
    "confidence": Double,
}
_Linked = tuple[int, int, int, float]
_Valued = tuple[int, int, str, str, float]


class _New(NamedTuple):
    """Triples to be written, as rows of `_LINKED` and of `_VALUED`."""

    linked: Sequence[tuple[Any, ...]]
    valued: Sequence[tuple[Any, ...]]


class _Stored(NamedTuple):
    id: int
    subject_id: int
    predicate_id: int
    object_id: int | None
    object_ref: str
    origin: str
    confidence: float


def sync_relations(
    state: WriteState,
    records: Sequence[tuple[int, Prepared]],
    existing: Collection[int],
    adopted: Collection[tuple[int, int, str]] = (),
) -> set[int]:
    """Make each subject's stated triples those of its record; the entities at changed edges.

    Args:
        state: The transaction; all objects have ids already.
        records: Entity and its record; only those whose field `relations` is given, or all with `replace`.
        existing: Those entities that may have triples already.
        adopted: (subject, predicate, object_ref) that came with merged entities: they stay.
    """
    concerned = [(e, p) for e, p in records if p.record.relations is not None or state.replace]
    names = {relation.predicate for _, prepared in concerned for relation in prepared.record.relations or ()}
    predicates = name_ids(state, PREDICATE, names)
    take_back(state, concerned)
    stored = _stored(state, [entity_id for entity_id, _ in concerned if entity_id in existing])
    new: dict[tuple[int, int, str], Relation] = {}
    sure: list[dict[str, Any]] = []
    gone: list[_Stored] = []
    taken: list[int] = []
    spared: list[_Stored] = []
    for entity_id, prepared in concerned:
        wanted: dict[tuple[int, str], Relation] = {}
        for relation in prepared.record.relations or ():
            named = relation.object
            if named is not None and named != prepared.record.key and state.ids[named] == entity_id:
                # Another name of the entity itself: it was merged.
                continue
            ref = literal_ref(relation.value) if named is None else f"e:{state.ids[named]}"
            wanted[predicates[relation.predicate], ref] = relation
        for old in stored.get(entity_id, ()):
            identity = (old.predicate_id, old.object_ref)
            if old.origin in DERIVED:
                # Stated now, it is the record's from here on: what a rule said is taken over below.
                continue
            kept = wanted.pop(identity, None)
            own = (entity_id, *identity) not in adopted
            if kept is None:
                lost = gone if own else spared
                lost.extend([old] if old.origin == STATED else [])
                continue
            taken.extend([] if own else [old.id])
            if kept.confidence != old.confidence and old.origin == STATED:
                sure.append({"triple_id": old.id, "certain": kept.confidence})
        new.update({(entity_id, *identity): relation for identity, relation in wanted.items()})
    _upsert(state, _new(state, new), STATED)
    for some in chunks(taken):
        # What the entity's own record says stays when the merged one goes.
        mine = (MergePart.kind == "triple") & MergePart.row_id.in_(some)
        state.session.execute(update(MergePart).where(mine).values(moved=False))
    for old in spared:
        hand_over_statement(state, old.id, (old.subject_id, old.predicate_id, old.object_ref))
    if sure:
        statement = (
            update(TRIPLE)
            .where(TRIPLE.c.id == bindparam("triple_id"))
            .values(confidence=bindparam("certain"))
        )
        state.session.connection().execute(statement, sure)
    for some in chunks([old.id for old in gone]):
        state.session.execute(delete(TRIPLE).where(TRIPLE.c.id.in_(some)))
    state.effects.counts["triples"] += len(new)
    state.effects.counts["removed"] += len(gone)
    ends: set[int | None] = {subject for subject, _, _ in new}
    ends |= {state.ids[one.object] for one in new.values() if one.object is not None}
    ends |= {end for old in gone for end in (old.subject_id, old.object_id)}
    return {end for end in ends if end is not None}


def add_edges(state: WriteState, edges: Sequence[Edge], ids: Mapping[str, int]) -> set[int]:
    """Add triples that are not there yet, or not like this; the entities at them.

    Without a release nothing has to be fused anew, and the set is empty.

    Args:
        state: The transaction.
        edges: What is added.
        ids: Of the ends, by key.
    """
    predicates = name_ids(state, PREDICATE, {edge[1] for edge in edges})
    linked: dict[tuple[int, int, int], _Linked] = {}
    valued: dict[tuple[int, int, str], _Valued] = {}
    #: Of those that are not of the table; the last word about a statement counts.
    origins: dict[tuple[int, int, int | str], str] = {}
    nothing = 0
    for head, relation, tail, literal, confidence, origin in edges:
        subject, predicate = ids[head], predicates[relation]
        end = literal_ref(literal) if tail is None else ids[tail]
        if end == subject and tail != head:
            # Two names of one thing are no edge.
            nothing += 1
            continue
        if isinstance(end, str):
            valued[subject, predicate, end] = (subject, predicate, json.dumps(literal), end, confidence)
        else:
            linked[subject, predicate, end] = (subject, predicate, end, confidence)
        if origin is not None:
            origins[subject, predicate, end] = origin
        elif origins:
            origins.pop((subject, predicate, end), None)
    changed, ends = 0, set[int]()
    for name in (TABLE, *sorted(set(origins.values()))):
        new = _New(
            [row for at, row in linked.items() if origins.get(at, TABLE) == name],
            [row for at, row in valued.items() if origins.get(at, TABLE) == name],
        )
        found = _upsert(state, new, name)
        changed += found.changed
        ends |= found.ends
    state.effects.counts["unchanged"] += len(edges) - nothing - changed
    state.effects.counts["triples"] += changed
    return ends


def _new(state: WriteState, relations: Mapping[tuple[int, int, str], Relation]) -> _New:
    """Rows of relations by subject, predicate and `object_ref`."""
    linked = [
        (subject, predicate, state.ids[one.object], one.confidence)
        for (subject, predicate, _), one in relations.items()
        if one.object is not None
    ]
    valued = [
        (subject, predicate, json.dumps(one.value), ref, one.confidence)
        for (subject, predicate, ref), one in relations.items()
        if one.object is None
    ]
    return _New(linked, valued)


class _Upserted(NamedTuple):
    changed: int
    ends: set[int]


def _upsert(state: WriteState, new: _New, origin: str) -> _Upserted:
    """Insert triples; what is there takes the newer origin and confidence, if it has others.

    A triple stated by a record, now also in a table, is of the table from then on.
    """
    changed, ends = 0, set[int]()
    for types, rows in ((_LINKED, new.linked), (_VALUED, new.valued)):
        if rows:
            found = _upsert_some(state, types, rows, origin)
            changed += found.changed
            ends |= found.ends
    return _Upserted(changed, ends)


def _upsert_some(
    state: WriteState, types: dict[str, type[TypeEngine[Any]]], rows: Sequence[tuple[Any, ...]], origin: str
) -> _Upserted:
    given = rows_of(state.session, types, rows)
    values: dict[str, Any] = {"workspace_id": sql_literal(state.workspace_id), "origin": sql_literal(origin)}
    values |= {column.name: column for column in given.c}
    if types is _LINKED:
        values["object_ref"] = sql_literal("e:").concat(cast(given.c.object_id, Text))
    statement = upsert(state.session, TRIPLE).from_select(
        list(values), select(*values.values()).where(true())
    )
    newer = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=["subject_id", "predicate_id", "object_ref"],
        set_={"origin": newer.origin, "confidence": newer.confidence},
        where=(TRIPLE.c.origin != newer.origin) | (TRIPLE.c.confidence != newer.confidence),
    )
    if state.targets.release_id is None:
        result = state.session.connection().execute(statement, execution_options={"preserve_rowcount": True})
        return _Upserted(result.rowcount, set())
    changed = state.session.execute(statement.returning(TRIPLE.c.subject_id, TRIPLE.c.object_id)).all()
    return _Upserted(len(changed), {end for ends in changed for end in ends if end is not None})


def _stored(state: WriteState, subject_ids: Collection[int]) -> dict[int, list[_Stored]]:
    columns = [TRIPLE.c[name] for name in _Stored._fields]
    found: dict[int, list[_Stored]] = defaultdict(list)
    if subject_ids:
        these = listed(state.session, BigInteger, list(subject_ids))
        for row in state.session.execute(select(*columns).where(TRIPLE.c.subject_id.in_(these))):
            found[row.subject_id].append(_Stored(*row))
    return found
