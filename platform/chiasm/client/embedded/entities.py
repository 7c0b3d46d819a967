"""Entities read from the catalog."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.aliases import kept_ids
from chiasm.catalog.models import Asset, Domain, Entity, EntityMerge, Predicate, Triple
from chiasm.client.protocol import JsonDict
from chiasm.errors import NotFoundError

__all__ = ["entity_page", "find_entity", "read_entity"]

_MODALITIES = ("text", "image", "audio")


def find_entity(session: Session, workspace_id: int, key: str) -> Entity:
    """The entity's row; of a key that was merged into another one, that other one's.

    Raises:
        NotFoundError: There is none of that key, or it was deleted.
    """
    entity = session.scalar(select(Entity).where(Entity.workspace_id == workspace_id, Entity.key == key))
    if entity is not None and entity.deleted_at is not None:
        entity = session.get(Entity, kept_ids(session, [entity.id]).get(entity.id, entity.id))
    if entity is None or entity.deleted_at is not None:
        raise NotFoundError(
            "there is no such entity",
            where=key,
            remedy="keys are as in the manifest; `chiasm search` finds some",
        )
    return entity


def read_entity(session: Session, workspace_id: int, key: str) -> JsonDict:
    """One entity with its assets by modality, and its statements."""
    entity = find_entity(session, workspace_id, key)
    row = _summary(session, entity)
    row |= {"attributes": entity.attributes, "revision": entity.revision, **_assets(session, entity.id)}
    row["merged"] = _merged(session, entity.id)
    row["relations"] = _relations(session, entity.id)
    return row


def entity_page(
    session: Session,
    workspace_id: int,
    *,
    domain: str | None = None,
    where: str | Mapping[str, Any] | None = None,
    stubs: bool = False,
    cursor: int = 0,
    limit: int = 100,
) -> JsonDict:
    """Entities in order of arrival after `cursor`, and the next cursor (None at the end)."""
    statement = (
        select(Entity, Domain.name)
        .outerjoin(Domain, Domain.id == Entity.domain_id)
        .where(Entity.workspace_id == workspace_id, Entity.deleted_at.is_(None), Entity.id > cursor)
        .order_by(Entity.id)
        .limit(limit + 1)
    )
    if domain is not None:
        known = select(Domain.id).where(Domain.workspace_id == workspace_id, Domain.name == domain)
        if session.scalar(known) is None:
            raise NotFoundError("there is no such domain", where=domain, remedy="see `chiasm doctor`")
        statement = statement.where(Domain.name == domain)
    if not stubs:
        statement = statement.where(Entity.is_stub.is_(False))
    if where is not None:
        from chiasm.client.embedded.filters import to_filter

        statement = statement.where(to_filter(where).to_sql(session.get_bind().dialect.name))
    rows = session.execute(statement).all()
    listed = [_listed(entity, name) for entity, name in rows[:limit]]
    return {"entities": listed, "next_cursor": rows[limit - 1][0].id if len(rows) > limit else None}


def _summary(session: Session, entity: Entity) -> JsonDict:
    domain = session.get(Domain, entity.domain_id) if entity.domain_id is not None else None
    return _listed(entity, domain.name if domain is not None else None)


def _listed(entity: Entity, domain: str | None) -> JsonDict:
    return {
        "key": entity.key,
        "domain": domain,
        "title": entity.title,
        "stub": entity.is_stub,
        "attributes": entity.attributes,
        "updated_at": entity.updated_at,
    }


def _assets(session: Session, entity_id: int) -> dict[str, list[JsonDict]]:
    statement = select(Asset).where(Asset.entity_id == entity_id).order_by(Asset.position, Asset.id)
    by_modality: dict[str, list[JsonDict]] = defaultdict(list)
    for asset in session.scalars(statement):
        common = {"id": asset.id, "lang": asset.lang, "role": asset.role, "state": asset.state}
        if asset.error:
            common["error"] = asset.error
        media = {
            "sha256": asset.sha256,
            "media_type": asset.media_type,
            "size_bytes": asset.size_bytes,
            "source": asset.source,
        }
        own = {"value": asset.value} if asset.modality == "text" else media
        by_modality[asset.modality].append(common | own)
    return {modality: by_modality[modality] for modality in _MODALITIES}


def _merged(session: Session, entity_id: int) -> list[str]:
    """Keys of what was merged into it, oldest first."""
    mine = select(Entity.key).join(EntityMerge, EntityMerge.entity_id == Entity.id)
    return list(session.scalars(mine.where(EntityMerge.into_id == entity_id).order_by(EntityMerge.id)))


def _relations(session: Session, entity_id: int) -> list[JsonDict]:
    statement = (
        select(Triple, Predicate.name, Entity.key)
        .join(Predicate, Predicate.id == Triple.predicate_id)
        .outerjoin(Entity, Entity.id == Triple.object_id)
        .where(Triple.subject_id == entity_id)
        .order_by(Triple.id)
    )
    return [
        {
            "predicate": predicate,
            **({"object": key} if key is not None else {"value": triple.literal}),
            "origin": triple.origin,
            "confidence": triple.confidence,
        }
        for triple, predicate, key in session.execute(statement)
    ]
