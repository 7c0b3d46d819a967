"""Triple rows: a record's relations, and edges from triples files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from chiasm.catalog.models import MergePart
from chiasm.ingest.prepare import Prepared, literal_ref
from chiasm.ingest.records import Relation
from chiasm.ingest.rows import Edge
from chiasm.ingest.write.bases import hand_over_statement, take_back
from chiasm.ingest.write.entities import name_ids
from chiasm.ingest.write.state import WriteState
from chiasm.ingest.write.tables import PREDICATE, TRIPLE, chunks

__all__ = ["STATED", "TABLE", "add_edges", "sync_relations"]

#: A relation in its subject's own record, which a later record may take back.
STATED = "stated"
#: A row of a triples file, which the records of its ends do not touch.
TABLE = "table"


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
    new: list[dict[str, Any]] = []
    sure: list[dict[str, Any]] = []
    gone: list[_Stored] = []
    taken: list[int] = []
    spared: list[_Stored] = []
    for entity_id, prepared in concerned:
        wanted: dict[tuple[int, str], dict[str, Any]] = {}
        for relation in prepared.record.relations or ():
            named = relation.object
            if named is not None and named != prepared.record.key and state.ids[named] == entity_id:
                # Another name of the entity itself: it was merged.
                continue
            row = _row(state, entity_id, predicates[relation.predicate], relation, STATED)
            wanted[row["predicate_id"], row["object_ref"]] = row
        for old in stored.get(entity_id, ()):
            kept = wanted.pop((old.predicate_id, old.object_ref), None)
            own = (entity_id, old.predicate_id, old.object_ref) not in adopted
            if kept is None:
                lost = gone if own else spared
                lost.extend([old] if old.origin == STATED else [])
                continue
            taken.extend([] if own else [old.id])
            if kept["confidence"] != old.confidence and old.origin == STATED:
                sure.append({"triple_id": old.id, "certain": kept["confidence"]})
        new.extend(wanted.values())
    _insert(state, new)
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
    ends = {row[end] for row in new for end in ("subject_id", "object_id")}
    ends |= {end for old in gone for end in (old.subject_id, old.object_id)}
    return {end for end in ends if end is not None}


def add_edges(state: WriteState, edges: Sequence[Edge]) -> set[int]:
    """Add triples that are not there yet; the entities at new ones. All ends have ids already."""
    predicates = name_ids(state, PREDICATE, {edge.relation for edge in edges})
    wanted: dict[tuple[int, int, str], dict[str, Any]] = {}
    for edge in edges:
        relation = Relation(edge.relation, edge.tail, edge.literal, edge.confidence)
        row = _row(state, state.ids[edge.head], predicates[edge.relation], relation, TABLE)
        wanted[row["subject_id"], row["predicate_id"], row["object_ref"]] = row
    same = []
    for subject_id, rows in _stored(state, {key[0] for key in wanted}).items():
        for old in rows:
            same_row = wanted.get((subject_id, old.predicate_id, old.object_ref))
            if same_row is not None and (old.origin, old.confidence) == (TABLE, same_row["confidence"]):
                same.append((subject_id, old.predicate_id, old.object_ref))
    for key in same:
        del wanted[key]
    state.effects.counts["unchanged"] += len(edges) - len(wanted)
    _insert(state, list(wanted.values()))
    state.effects.counts["triples"] += len(wanted)
    ends = {row[end] for row in wanted.values() for end in ("subject_id", "object_id")}
    return {end for end in ends if end is not None}


def _row(
    state: WriteState, subject_id: int, predicate_id: int, relation: Relation, origin: str
) -> dict[str, Any]:
    object_id = None if relation.object is None else state.ids[relation.object]
    return {
        "workspace_id": state.workspace_id,
        "subject_id": subject_id,
        "predicate_id": predicate_id,
        "object_id": object_id,
        "literal": relation.value if object_id is None else None,
        "object_ref": f"e:{object_id}" if object_id is not None else literal_ref(relation.value),
        "origin": origin,
        "confidence": relation.confidence,
    }


def _insert(state: WriteState, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    dialect = postgresql if state.session.get_bind().dialect.name == "postgresql" else sqlite
    statement: Any = dialect.insert(TRIPLE)
    # A triple that is there (stated by a record, now also in a table) takes the newer origin and confidence.
    statement = statement.on_conflict_do_update(
        index_elements=["subject_id", "predicate_id", "object_ref"],
        set_={"origin": statement.excluded.origin, "confidence": statement.excluded.confidence},
    )
    state.session.execute(statement, list(rows))


def _stored(state: WriteState, subject_ids: Collection[int]) -> dict[int, list[_Stored]]:
    columns = [TRIPLE.c[name] for name in _Stored._fields]
    found: dict[int, list[_Stored]] = defaultdict(list)
    for some in chunks(subject_ids):
        for row in state.session.execute(select(*columns).where(TRIPLE.c.subject_id.in_(some))):
            found[row.subject_id].append(_Stored(*row))
    return found
