"""Entity rows: looked up, made, updated; stubs made and filled."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import JSON, BigInteger, ColumnElement, Table, Text, bindparam, null, select, true, update
from sqlalchemy import literal as sql_literal
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from chiasm.catalog.aliases import kept_ids
from chiasm.catalog.bulk import insert_new, listed, rows_of
from chiasm.catalog.models import EntityMerge
from chiasm.ingest.names import name_of_key
from chiasm.ingest.prepare import Prepared, text_content
from chiasm.ingest.write.state import WriteState
from chiasm.ingest.write.tables import DOMAIN, ENTITY

__all__ = [
    "Known",
    "ensure_stubs",
    "entity_hashes",
    "insert_entities",
    "look_up",
    "look_up_deleted",
    "name_ids",
    "update_entities",
]


#: Columns of new entities as they are handed to the database.
_GIVEN: dict[str, type[TypeEngine[Any]]] = {
    "key": Text,
    "domain_id": BigInteger,
    "title": Text,
    "attributes": JSON,
    "is_stub": BigInteger,
    "record_hash": Text,
}


class Known(NamedTuple):
    """What the catalog holds of an entity."""

    id: int
    key: str
    is_stub: bool
    record_hash: str | None
    deleted_at: float | None
    title: str | None
    revision: int
    #: Whether the key is another name of the entity, which was merged into it.
    alias: bool = False

    @property
    def deleted(self) -> bool:
        """Whether only a tombstone is left."""
        return self.deleted_at is not None


def look_up(state: WriteState, keys: Collection[str], *, lock: bool = False) -> dict[str, Known]:
    """Entities of the workspace by key, tombstones included; of a merged one's key the one it was merged into.

    Args:
        state: The transaction.
        keys: Which.
        lock: Whether nobody else may change them before it ends (PostgreSQL; SQLite has one writer).
    """
    known = {one.key: one for one in _known(state, _keyed(state, keys), lock=lock)}
    gone = {one.id: key for key, one in known.items() if one.deleted}
    into = kept_ids(state.session, gone) if gone else {}
    these = listed(state.session, BigInteger, sorted(set(into.values())))
    kept = {one.id: one for one in _known(state, ENTITY.c.id.in_(these), lock=lock)} if into else {}
    for merged_id, kept_id in into.items():
        # Its own record's hash says whether the record under this key is one that was seen already.
        key = gone[merged_id]
        known[key] = kept[kept_id]._replace(key=key, alias=True, record_hash=known[key].record_hash)
    state.ids.update((key, one.id) for key, one in known.items())
    return known


def look_up_deleted(state: WriteState, keys: Collection[str]) -> set[str]:
    """Those of the keys of which only a tombstone is left; the ids of all that are known are in `state.ids`."""
    gone = {}
    statement = select(ENTITY.c.id, ENTITY.c.key, ENTITY.c.deleted_at).where(_keyed(state, keys))
    for entity_id, key, deleted_at in state.session.execute(statement).all():
        state.ids[key] = entity_id
        if deleted_at is not None:
            gone[entity_id] = key
    for merged_id, kept_id in kept_ids(state.session, gone).items() if gone else ():
        state.ids[gone.pop(merged_id)] = kept_id
    return set(gone.values())


_COLUMNS = [ENTITY.c[name] for name in Known._fields if name != "alias"]


def _known(state: WriteState, which: ColumnElement[bool], *, lock: bool) -> list[Known]:
    statement = select(*_COLUMNS).where(which)
    if lock:
        statement = statement.order_by(ENTITY.c.id).with_for_update()
    return [Known(*row) for row in state.session.execute(statement).all()]


def _keyed(state: WriteState, keys: Collection[str]) -> ColumnElement[bool]:
    these = listed(state.session, Text, list(keys))
    return (ENTITY.c.workspace_id == state.workspace_id) & ENTITY.c.key.in_(these)


def entity_hashes(session: Session, workspace_id: int, keys: Collection[str]) -> dict[str, str]:
    """Hash of the record that each entity came from; of live ones, and of those merged into a live one."""
    merged = select(EntityMerge.entity_id).where(EntityMerge.workspace_id == workspace_id)
    statement = select(ENTITY.c.key, ENTITY.c.record_hash).where(
        ENTITY.c.workspace_id == workspace_id,
        ENTITY.c.key.in_(listed(session, Text, list(keys))),
        ENTITY.c.deleted_at.is_(None) | ENTITY.c.id.in_(merged),
    )
    return {key: value for key, value in session.execute(statement).all() if value}


def name_ids(state: WriteState, table: Table, names: Iterable[str]) -> dict[str, int]:
    """Ids of domains or predicates by name; new ones are made."""
    cache = state.domains if table is DOMAIN else state.predicates
    missing = sorted(set(names) - cache.keys())
    if not missing:
        return cache
    _read_names(state, table, missing, cache)
    new = [name for name in missing if name not in cache]
    if new:
        rows = [{"workspace_id": state.workspace_id, "name": name} for name in new]
        # Another writer (PostgreSQL) may make the same name at this moment.
        state.session.execute(insert_new(state.session, table), rows)
        _read_names(state, table, new, cache)
    return cache


def insert_entities(state: WriteState, rows: Sequence[Mapping[str, Any]]) -> None:
    """New entity rows (`key` and what is known); their ids are in `state.ids` afterwards."""
    if not rows:
        return
    given = rows_of(
        state.session,
        _GIVEN,
        [
            (
                row["key"],
                row.get("domain_id"),
                row.get("title"),
                json.dumps(row["attributes"]) if row.get("attributes") else "{}",
                int(row.get("is_stub", False)),
                row.get("record_hash"),
            )
            for row in rows
        ],
    )
    values = [c == 1 if c.name == "is_stub" else c for c in given.c]
    same = {
        "workspace_id": state.workspace_id,
        "revision": 1,
        "created_at": state.now,
        "updated_at": state.now,
    }
    chosen = select(*values, *(sql_literal(value) for value in same.values())).where(true())
    # Another writer (PostgreSQL) may make the same key at this moment.
    statement = insert_new(state.session, ENTITY).from_select([*_GIVEN, *same], chosen)
    made = state.session.execute(statement.returning(ENTITY.c.key, ENTITY.c.id)).all()
    state.ids.update((key, entity_id) for key, entity_id in made)
    if len(made) < len(rows):
        look_up_deleted(state, [row["key"] for row in rows])


def update_entities(
    state: WriteState, records: Iterable[tuple[int, Prepared]], domain_ids: Mapping[str, int]
) -> None:
    """Set what the records give; with `replace` what they do not give is cleared."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for entity_id, prepared in records:
        record = prepared.record
        values: dict[str, Any] = {
            # A record with broken media is read again next time.
            "record_hash": None if prepared.broken else prepared.record_hash,
        }
        if record.domain is not None:
            values["domain_id"] = domain_ids[record.domain]
        if record.title is not None or state.replace:
            values["title"] = record.title or None
        if record.attributes is not None or state.replace:
            values["attributes"] = record.attributes or {}
        groups[tuple(sorted(values))].append(
            {"entity_id": entity_id, **{f"new_{name}": value for name, value in values.items()}}
        )
    for names, rows in groups.items():
        statement = (
            update(ENTITY)
            .where(ENTITY.c.id == bindparam("entity_id"))
            .values(
                {
                    **{name: bindparam(f"new_{name}", type_=ENTITY.c[name].type) for name in names},
                    "is_stub": False,
                    "deleted_at": null(),
                    "revision": ENTITY.c.revision + 1,
                    "updated_at": state.now,
                }
            )
        )
        state.session.connection().execute(statement, rows)


def ensure_stubs(state: WriteState, keys: Collection[str], deleted: Collection[str]) -> None:
    """Entities for keys that are named only; those deleted before come back as stubs."""
    from chiasm.ingest.write.assets import insert_assets

    new = sorted(key for key in keys if key not in state.ids)
    insert_entities(state, [{"key": key, "is_stub": True} for key in new])
    revived = sorted(key for key in keys if key in deleted)
    if revived:
        statement = (
            update(ENTITY)
            .where(ENTITY.c.id == bindparam("entity_id"))
            .values(is_stub=True, deleted_at=null(), updated_at=state.now)
        )
        state.session.connection().execute(statement, [{"entity_id": state.ids[key]} for key in revived])
    named = []
    for key in (*new, *revived):
        name = name_of_key(key)
        if name is not None:
            content = text_content(name, None, "key")
            content.source = "key"
            named.append((state.ids[key], "text", content))
        state.effects.touched.add(state.ids[key])
    insert_assets(state, named)
    state.effects.counts["stubs"] += len(new) + len(revived)


def _read_names(state: WriteState, table: Table, names: Sequence[str], cache: dict[str, int]) -> None:
    these = listed(state.session, Text, names)
    statement = select(table.c.name, table.c.id).where(
        table.c.workspace_id == state.workspace_id, table.c.name.in_(these)
    )
    cache.update((name, row_id) for name, row_id in state.session.execute(statement))
