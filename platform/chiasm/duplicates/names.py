"""Entities by the keys that people give, locked for a merge or its undoing."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.aliases import kept_ids
from chiasm.catalog.models import Entity
from chiasm.errors import NotFoundError

__all__ = ["living", "locked"]


def locked(session: Session, workspace_id: int, keys: Sequence[str]) -> dict[str, Entity]:
    """Rows by key, tombstones too; nobody else changes them before the transaction ends.

    Raises:
        NotFoundError: There never was such an entity.
    """
    mine = (Entity.workspace_id == workspace_id) & Entity.key.in_(keys)
    # In one order, whoever locks them.
    rows = session.scalars(select(Entity).where(mine).order_by(Entity.id).with_for_update()).all()
    found = {row.key: row for row in rows}
    for key in keys:
        if key not in found:
            raise NotFoundError("no such entity", where=key, remedy="check the key")
    return {key: found[key] for key in keys}


def living(session: Session, entity: Entity) -> Entity:
    """The entity, or the one that it was merged into.

    Raises:
        NotFoundError: It was deleted.
    """
    if entity.deleted_at is None:
        return entity
    into = kept_ids(session, [entity.id])
    if entity.id not in into:
        raise NotFoundError("the entity was deleted", where=entity.key, remedy="ingest it again")
    return session.scalars(select(Entity).where(Entity.id == into[entity.id]).with_for_update()).one()
