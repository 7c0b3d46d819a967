"""The spaces of a workspace as people want to see them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Embedding, Segment, Space
from chiasm.settings import Settings
from chiasm.spaces.milvus import MilvusStore, Naming
from chiasm.spaces.tuning import RECALL
from chiasm.spaces_url import SpacesUrl

__all__ = ["overview"]


def overview(settings: Settings, catalog: Catalog, workspace_id: int) -> list[dict[str, Any]]:
    """One row a space: what it holds and what searches it.

    Raises:
        UnavailableError: The back end does not answer.
    """
    with catalog.read() as session:
        spaces = session.scalars(
            select(Space).where(Space.workspace_id == workspace_id).order_by(Space.id)
        ).all()
        live = session.execute(
            select(Segment.space_id, Segment.path, Segment.index_kind, Segment.size_bytes)
            .join(Space, Space.id == Segment.space_id)
            .where(Space.workspace_id == workspace_id, Segment.state == "live")
        ).all()
        counted = select(Embedding.space_id, func.count()).group_by(Embedding.space_id)
        rows = {int(space_id): int(count) for space_id, count in session.execute(counted).all()}
    held = _held(settings, catalog)
    found = []
    for space in spaces:
        mine = [one for one in live if one.space_id == space.id]
        found.append(
            {
                "space": space.id,
                "kind": space.kind,
                "encoder": space.encoder,
                "dim": space.dim,
                "rows": rows.get(space.id, 0),
                "backend": SpacesUrl.parse(settings.spaces_url).kind,
                "segments": len(mine),
                "on_milvus": sum(Path(one.path).name in held for one in mine),
                "recall_target": RECALL,
                "indexes": sorted({one.index_kind for one in mine}),
                "bytes": sum(one.size_bytes for one in mine),
            }
        )
    return found


def _held(settings: Settings, catalog: Catalog) -> set[str]:
    """Folder names of the segments that Milvus holds whole."""
    if SpacesUrl.parse(settings.spaces_url).kind != "milvus":
        return set()
    store, naming = MilvusStore(settings), Naming(catalog)
    try:
        names = store.names(naming.prefix)
        return {name.removeprefix(naming.prefix) for name in names if store.whole(name)}
    finally:
        store.close()
