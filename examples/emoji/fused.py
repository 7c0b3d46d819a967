"""The fused vectors of entities, read from the active release's space for the map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

__all__ = ["fused_vectors"]


def fused_vectors(home: Path, keys: Sequence[str]) -> np.ndarray:
    """The fused vector of each entity.

    Args:
        home: The knowledge base's home.
        keys: Public keys.

    Returns:
        `(keys, dim)`, rows of NaN where an entity has none; `(keys, 0)` before the first release.
    """
    from sqlalchemy import select

    from chiasm.catalog import Catalog
    from chiasm.catalog.models import Entity, ReleaseSpace, Workspace
    from chiasm.settings import load_settings
    from chiasm.spaces import SpaceReader

    settings = load_settings(home)
    catalog = Catalog.open(settings)
    try:
        workspace = catalog.workspace_id(settings.workspace)
        with catalog.read() as session:
            space = session.scalar(
                select(ReleaseSpace.space_id)
                .join(Workspace, Workspace.active_release_id == ReleaseSpace.release_id)
                .where(Workspace.id == workspace, ReleaseSpace.kind == "fused")
            )
            rows = session.execute(select(Entity.key, Entity.id).where(Entity.workspace_id == workspace))
            ids = {row.key: row.id for row in rows}
        if space is None:
            return np.empty((len(keys), 0), dtype=np.float32)
        reader = SpaceReader(catalog, settings.spaces_dir, space)
        return np.asarray(reader.vectors(np.array([ids.get(key, -1) for key in keys], dtype=np.int64)))
    finally:
        catalog.close()
