"""Contents that lie beside each other in a modality's space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import func

from chiasm.catalog.models import Asset
from chiasm.duplicates.scope import Scope
from chiasm.duplicates.work import present_spaces

if TYPE_CHECKING:
    from chiasm.jobs import WorkContext

__all__ = ["near_contents"]

#: Neighbours asked for; of what has more near ones, the nearest do.
_NEIGHBOURS = 8
_QUERIES = 512


def near_contents(
    ctx: WorkContext, scope: Scope, modality: str, held: Mapping[str, object], least: float
) -> Iterator[tuple[tuple[str, str], float]]:
    """Pairs of different contents with a cosine of at least `least`, each once and in order, and the cosine.

    Args:
        ctx: The catalog, and the spaces.
        scope: What is looked at.
        modality: Whose space.
        held: The contents; without them nothing is opened.
        least: Cosine.
    """
    if len(held) < 2:
        return
    with ctx.catalog.read() as session:
        space_id = present_spaces(session, ctx.settings, scope.workspace_id).get(modality)
        # Of equal contents one stands for all.
        chosen = scope.assets(modality, func.min(Asset.id), Asset.sha256).where(Asset.state == "embedded")
        rows = session.execute(chosen.group_by(Asset.sha256)).all()
    if space_id is None or len(rows) < 2:
        return
    # Imported here: spaces bring FAISS.
    from chiasm.spaces import SpaceReader

    name_of = {int(asset_id): str(sha256) for asset_id, sha256 in rows}
    ids = np.array(sorted(name_of), dtype=np.int64)
    view = SpaceReader(ctx.catalog, ctx.settings.spaces_dir, space_id).view
    seen: set[tuple[str, str]] = set()
    for start in range(0, len(ids), _QUERIES):
        ctx.beat(start, len(ids), f"neighbours of {modality}")
        some = ids[start : start + _QUERIES]
        vectors = view.vectors(some)
        there = np.isfinite(vectors).all(axis=1)
        some, vectors = some[there], vectors[there]
        if not len(some):
            continue
        cosines, found = view.search(vectors, _NEIGHBOURS, allowed=ids)
        for row, column in zip(*np.nonzero(cosines >= least), strict=True):
            first, second = sorted((name_of[int(some[row])], name_of[int(found[row, column])]))
            if first != second and (first, second) not in seen:
                seen.add((first, second))
                yield (first, second), float(cosines[row, column])
