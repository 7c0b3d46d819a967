"""Use a new model at once: what it has still to make stands in, mapped from the release that answers now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import aliased

from chiasm.catalog.models import Embedding, Release, Space, Workspace
from chiasm.fusion.space_map import FEWEST_PAIRS, SpaceMap, fit_space_map
from chiasm.ingest.graph import WorkspaceGraph
from chiasm.jobs import Claim, WorkContext
from chiasm.releases.catching_up import spaces_of
from chiasm.releases.fill import fill_assets, fill_entities, fill_mapped
from chiasm.spaces import SpaceReader, count_mapped

__all__ = ["stand_in"]

Ints = npt.NDArray[np.int64]

#: Entities that are made first, to learn the map from; in a small catalogue half of them at most.
_SAMPLE = 2000
#: Pairs of one map: more say nothing new about an affine one.
_MOST_PAIRS = 20_000
#: Share of the nearest that a map must keep, else its space waits for its own vectors.
_MUST_KEEP = 0.4
#: Entities whose assets are embedded at a time: a longer list would be read again for each batch.
_NAMED = 5000


def stand_in(
    ctx: WorkContext, claim: Claim, release: Release, spaces: Mapping[str, Space]
) -> dict[str, Any] | None:
    """Fill a release's spaces with mapped vectors of the active one's, after a sample of its own.

    Called again after a crash it goes on where it was.

    Args:
        ctx: Of the unit.
        claim: Of the unit.
        release: Whose spaces lack most of their vectors.
        spaces: Its spaces by kind.

    Returns:
        By kind, how well the map does on pairs that it was not fitted on (`SpaceMap`) and how many vectors stand in;
        None where no map is to be had, or none that keeps neighbours: then all is to be made first.
    """
    with ctx.catalog.read() as session:
        active = session.get_one(Workspace, release.workspace_id).active_release_id
    if active is None or active == release.id:
        return None
    older = {kind: old for kind, old in spaces_of(ctx, active).items() if kind in spaces}
    older = {kind: old for kind, old in older.items() if old.id != spaces[kind].id}
    if "fused" not in older:
        return None
    with ctx.catalog.read() as session:
        begun = count_mapped(session, [space.id for space in spaces.values()])
    if not begun:
        _make_sample(ctx, claim, release, spaces, older["fused"])
    maps = {kind: _fitted(ctx, older[kind], spaces[kind], release.id) for kind in older}
    fused = maps["fused"]
    if fused is None or fused.kept < _MUST_KEEP:
        return None
    told = {}
    # The fused space last: while it lacks something, the release is not complete.
    for kind in sorted(maps, key=lambda kind: kind == "fused"):
        found = maps[kind]
        if found is not None and found.kept >= _MUST_KEEP:
            done = fill_mapped(ctx, claim, spaces[kind], older[kind], found)
            told[kind] = {"cosine": found.cosine, "kept": found.kept, "pairs": found.pairs, "mapped": done}
    return told


def _make_sample(
    ctx: WorkContext, claim: Claim, release: Release, spaces: Mapping[str, Space], old: Space
) -> None:
    """Embed and fuse some entities that both releases then hold, with all that their graph tokens read."""
    with ctx.catalog.read() as session:
        held = np.asarray(session.scalars(_really(old)).all(), dtype=np.int64)
    size = min(_SAMPLE, len(held) // 2)
    if size < FEWEST_PAIRS:
        return
    sample = np.sort(np.random.default_rng(release.id).choice(held, size, replace=False))
    model = ctx.models.fusion(release.folder)
    graph = WorkspaceGraph.current(
        ctx.catalog, ctx.settings.home, release.workspace_id, model.predicates, model.origins
    )
    read = np.union1d(sample, graph.read_for(sample, model.fanout, model.paths))
    for modality, space in spaces.items():
        if modality != "fused" and space.encoder is not None:
            for start in range(0, len(read), _NAMED):
                fill_assets(ctx, claim, space, modality, of=read[start : start + _NAMED].tolist())
    fill_entities(ctx, claim, release, spaces["fused"], sample.tolist())


def _fitted(ctx: WorkContext, old: Space, new: Space, seed: int) -> SpaceMap | None:
    """The map between two spaces from what both really hold; None: they hold too little."""
    there = aliased(Embedding)
    both = _really(old).join(
        there,
        (there.item_id == Embedding.item_id) & (there.space_id == new.id) & there.mapped.is_(None),
    )
    with ctx.catalog.read() as session:
        ids = np.asarray(session.scalars(both).all(), dtype=np.int64)
    if len(ids) > _MOST_PAIRS:
        ids = np.sort(np.random.default_rng(seed).choice(ids, _MOST_PAIRS, replace=False))
    root = ctx.settings.spaces_dir
    before, after = (SpaceReader(ctx.catalog, root, space.id).vectors(ids) for space in (old, new))
    there_too = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
    if there_too.sum() < FEWEST_PAIRS:
        return None
    return fit_space_map(before[there_too], after[there_too], seed=seed)


def _really(space: Space) -> Any:
    return (
        select(Embedding.item_id)
        .where(Embedding.space_id == space.id, Embedding.mapped.is_(None))
        .order_by(Embedding.item_id)
    )
