"""Merging: one entity takes over what another has, and the other one's key becomes a further name of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Domain, Entity, EntityMerge
from chiasm.duplicates.names import living, locked
from chiasm.duplicates.pairs import settle
from chiasm.duplicates.rows import ASSET, change, part_of
from chiasm.duplicates.statements import merge_statements
from chiasm.duplicates.work import ask_for_work
from chiasm.errors import ConflictError, UsageError
from chiasm.ingest.delete import near_to
from chiasm.ingest.vectors import remove_assets, remove_entity_vectors

__all__ = ["Merged", "merge_entities"]

#: Of one call: they go in one transaction, during which others wait.
_MAX_OTHERS = 50


class Merged(NamedTuple):
    """What a merge did."""

    #: Key of the entity that stays.
    key: str
    #: Keys that are further names of it since this call.
    merged: list[str]
    #: The job that fuses what changed; None if that is not needed.
    job_id: int | None


def merge_entities(catalog: Catalog, workspace_id: int, keep: str, others: Sequence[str]) -> Merged:
    """Merge entities into one, in one transaction; those that are part of it already are passed over.

    The kept entity gets the others' texts and media (equal content once) and statements; its own title and
    attributes win, the others' fill what it lacks.

    Args:
        catalog: Where they are.
        workspace_id: Tenant.
        keep: Key of the entity that stays.
        others: Keys of those that become names of it.

    Raises:
        NotFoundError: There is no such entity.
        ConflictError: One of the others is part of another entity already.
        UsageError: Nothing to merge, or a stub was to be kept and an entity to go.
    """
    wanted = [key for key in dict.fromkeys(others) if key != keep]
    if not 0 < len(wanted) <= _MAX_OTHERS:
        raise UsageError(
            f"{len(wanted)} entities to merge", where=keep, remedy=f"name 1 to {_MAX_OTHERS} other keys"
        )
    with catalog.change(workspace_id) as session:
        rows = locked(session, workspace_id, [keep, *wanted])
        kept = living(session, rows[keep])
        gone = _to_merge(session, kept, [rows[key] for key in wanted])
        ids = [kept.id, *(one.id for one in gone)]
        near = near_to(session, ids)
        for other in gone:
            _merge(session, kept, other)
        job_id = None
        if gone:
            job_id = ask_for_work(
                session, catalog, workspace_id, "merge", assets={}, changed={kept.id, *near}
            )
        return Merged(kept.key, [one.key for one in gone], job_id)


def _to_merge(session: Session, kept: Entity, others: Sequence[Entity]) -> list[Entity]:
    gone = []
    for other in others:
        now = living(session, other)
        if now.id == kept.id:
            continue
        if now.id != other.id:
            raise ConflictError(
                f"it was merged into {now.key!r} already",
                where=other.key,
                remedy=f"merge {now.key!r}, or run `chiasm duplicates unmerge` first",
            )
        if kept.is_stub and not other.is_stub:
            raise UsageError(
                "it is only named by others, and what it shall replace is an entity",
                where=kept.key,
                remedy=f"keep {other.key!r} instead",
            )
        gone.append(other)
    return gone


def _merge(session: Session, kept: Entity, other: Entity) -> None:
    now = time.time()
    domain = session.get(Domain, other.domain_id) if other.domain_id is not None else None
    merge = EntityMerge(
        workspace_id=kept.workspace_id,
        entity_id=other.id,
        into_id=kept.id,
        entity={
            "domain": domain.name if domain is not None else None,
            "title": other.title,
            "attributes": other.attributes,
            "is_stub": other.is_stub,
            "record_hash": other.record_hash,
        },
        filled=_fill(kept, other),
    )
    session.add(merge)
    session.flush()
    _move_assets(session, merge, kept, other)
    merge_statements(session, merge)
    remove_entity_vectors(session, kept.workspace_id, [other.id])
    # Not its record's hash: the same record again is known, and says nothing new.
    other.deleted_at, other.domain_id, other.title, other.attributes = now, None, None, {}
    for one in (kept, other):
        one.revision += 1
        one.updated_at = now
    settle(session, kept.workspace_id, kept.id, other.id, "merged")
    session.flush()


def _fill(kept: Entity, other: Entity) -> dict[str, Any]:
    """Give the kept entity what it lacks; what that was."""
    names = sorted(name for name in other.attributes if name not in kept.attributes)
    kept.attributes = {**kept.attributes, **{name: other.attributes[name] for name in names}}
    titled = not kept.title and bool(other.title)
    kept.title = kept.title or other.title
    return {"title": titled, "attributes": names}


def _move_assets(session: Session, merge: EntityMerge, kept: Entity, other: Entity) -> None:
    both = select(ASSET).where(ASSET.c.entity_id.in_((kept.id, other.id)))
    rows = session.execute(both.order_by(ASSET.c.position, ASSET.c.id)).mappings().all()
    have = {(row["modality"], row["sha256"]) for row in rows if row["entity_id"] == kept.id}
    last = max((row["position"] for row in rows if row["entity_id"] == kept.id), default=0)
    dropped = []
    for row in (row for row in rows if row["entity_id"] == other.id):
        # The name that was made out of a key is no text of the entity.
        from_key = row["role"] == "key" and not kept.is_stub
        moved = not from_key and (row["modality"], row["sha256"]) not in have
        session.add(part_of(merge.id, ASSET, row, moved=moved))
        if moved:
            last += 1
            change(session, ASSET, row["id"], {"entity_id": kept.id, **_about(merge, row, last)})
        else:
            dropped.append(row["id"])
    remove_assets(session, kept.workspace_id, ASSET.c.id.in_(dropped))
    session.flush()


def _about(merge: EntityMerge, row: RowMapping, position: int) -> dict[str, Any]:
    if row["modality"] != "text" or merge.filled["title"]:
        return {"position": 0 if row["role"] == "title" else position}
    # One title is enough: the other one's is a text among texts.
    role = None if row["role"] == "title" else row["role"]
    return {"position": position, "role": role, "source": "text"}
