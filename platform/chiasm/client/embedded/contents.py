"""Content of an entity's media, or of one asset."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Asset, Entity
from chiasm.client.embedded.home import OpenHome
from chiasm.client.media import Medium
from chiasm.errors import NotFoundError

__all__ = ["asset_content", "first_media"]


def first_media(home: OpenHome, workspace_id: int, key: str) -> list[Medium]:
    """The entity's first picture and first sound, where it has them."""
    with home.catalog.read() as session:
        rows = [_first(session, workspace_id, key, modality) for modality in ("image", "audio")]
    return [_medium(home, row) for row in rows if row is not None]


def asset_content(home: OpenHome, workspace_id: int, asset_id: int) -> Medium:
    """The content of a picture or sound by its asset id.

    Raises:
        NotFoundError: There is no such medium.
        DamagedError: The blob does not match its checksum.
    """
    with home.catalog.read() as session:
        asset = session.get(Asset, asset_id)
    if asset is None or asset.workspace_id != workspace_id or asset.modality == "text":
        raise NotFoundError(
            "there is no such picture or sound",
            where=f"asset {asset_id}",
            remedy="`chiasm entity KEY` lists an entity's",
        )
    return _medium(home, asset)


def _first(session: Session, workspace_id: int, key: str, modality: str) -> Asset | None:
    statement = (
        select(Asset)
        .join(Entity, Entity.id == Asset.entity_id)
        .where(Entity.workspace_id == workspace_id, Entity.key == key, Entity.deleted_at.is_(None))
        .where(Asset.modality == modality, Asset.state != "failed")
        .order_by(Asset.position, Asset.id)
        .limit(1)
    )
    return session.scalar(statement)


def _medium(home: OpenHome, asset: Asset) -> Medium:
    kind = asset.media_type or "application/octet-stream"
    return Medium(asset.modality, kind, home.blobs.get(asset.sha256))
