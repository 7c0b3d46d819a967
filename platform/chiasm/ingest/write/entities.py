"""Entity rows: looked up, made, updated; stubs made and filled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, bindparam, insert, null, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from chiasm.catalog.aliases import kept_ids
from chiasm.catalog.models import EntityMerge
from chiasm.ingest.names import name_of_key
from chiasm.ingest.prepare import Prepared, text_content
from chiasm.ingest.write.state import WriteState
from chiasm.ingest.write.tables import DOMAIN, ENTITY, chunks

__all__ = [
    "Known",
    "ensure_stubs",
    "entity_hashes",
    "insert_entities",
    "look_up",
    "name_ids",
    "update_entities",
]


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
    known: dict[str, Known] = {}
    for some in chunks(keys):
        mine = (ENTITY.c.workspace_id == state.workspace_id) & ENTITY.c.key.in_(some)
        known.update((one.key, one) for one in _known(state, mine, lock=lock))
    gone = {one.id: key for key, one in known.items() if one.deleted}
    into = kept_ids(state.session, gone) if gone else {}
    kept: dict[int, Known] = {}
    for ids in chunks(sorted(set(into.values()))):
        kept.update((one.id, one) for one in _known(state, ENTITY.c.id.in_(ids), lock=lock))
    for merged_id, kept_id in into.items():
        # Its own record's hash says whether the record under this key is one that was seen already.
        key = gone[merged_id]
        known[key] = kept[kept_id]._replace(key=key, alias=True, record_hash=known[key].record_hash)
    state.ids.update((key, one.id) for key, one in known.items())
    return known


_COLUMNS = [ENTITY.c[name] for name in Known._fields if name != "alias"]


def _known(state: WriteState, which: ColumnElement[bool], *, lock: bool) -> list[Known]:
    statement = select(*_COLUMNS).where(which)
    if lock:
        statement = statement.order_by(ENTITY.c.id).with_for_update()
    return [Known(*row) for row in state.session.execute(statement)]


def entity_hashes(session: Session, workspace_id: int, keys: Collection[str]) -> dict[str, str]:
    """Hash of the record that each entity came from; of live ones, and of those merged into a live one."""
    hashes: dict[str, str] = {}
    merged = select(EntityMerge.entity_id).where(EntityMerge.workspace_id == workspace_id)
    for some in chunks(keys):
        statement = select(ENTITY.c.key, ENTITY.c.record_hash).where(
            ENTITY.c.workspace_id == workspace_id,
            ENTITY.c.key.in_(some),
            ENTITY.c.deleted_at.is_(None) | ENTITY.c.id.in_(merged),
        )
        hashes.update((key, value) for key, value in session.execute(statement) if value)
    return hashes


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
        state.session.execute(_insert_new(state, table), rows)
        _read_names(state, table, new, cache)
    return cache


def insert_entities(state: WriteState, rows: Sequence[Mapping[str, Any]]) -> None:
    """New entity rows (`key` and what is known); their ids are in `state.ids` afterwards."""
    if not rows:
        return
    defaults: dict[str, Any] = {
        "workspace_id": state.workspace_id,
        "domain_id": None,
        "title": None,
        "attributes": {},
        "is_stub": False,
        "record_hash": None,
        "revision": 1,
        "created_at": state.now,
        "updated_at": state.now,
    }
    state.session.execute(_insert_new(state, ENTITY), [{**defaults, **row} for row in rows])
    keys = [row["key"] for row in rows]
    for some in chunks(keys):
        statement = select(ENTITY.c.key, ENTITY.c.id).where(
            ENTITY.c.workspace_id == state.workspace_id, ENTITY.c.key.in_(some)
        )
        state.ids.update((key, entity_id) for key, entity_id in state.session.execute(statement))


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


def ensure_stubs(state: WriteState, keys: Collection[str], known: Mapping[str, Known]) -> None:
    """Entities for keys that are named only; those deleted before come back as stubs."""
    from chiasm.ingest.write.assets import insert_assets

    new = sorted(key for key in keys if key not in state.ids)
    insert_entities(state, [{"key": key, "is_stub": True} for key in new])
    revived = sorted(key for key in keys if key in known and known[key].deleted)
    if revived:
        statement = (
            update(ENTITY)
            .where(ENTITY.c.id == bindparam("entity_id"))
            .values(is_stub=True, deleted_at=null(), updated_at=state.now)
        )
        state.session.connection().execute(statement, [{"entity_id": known[key].id} for key in revived])
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


def _insert_new(state: WriteState, table: Table) -> Any:
    if state.session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    if state.session.get_bind().dialect.name == "sqlite" and table is not ENTITY:
        return sqlite.insert(table).on_conflict_do_nothing()
    return insert(table)


def _read_names(state: WriteState, table: Table, names: Sequence[str], cache: dict[str, int]) -> None:
    for some in chunks(names):
        statement = select(table.c.name, table.c.id).where(
            table.c.workspace_id == state.workspace_id, table.c.name.in_(some)
        )
        cache.update((name, row_id) for name, row_id in state.session.execute(statement))
