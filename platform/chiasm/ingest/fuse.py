"""The `fuse` unit, and fused vectors of entities from what is known of them now."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Entity, Release, ReleaseSpace
from chiasm.ingest.graph import AssetVectors, WorkspaceGraph, asset_vectors
from chiasm.ingest.targets import HasModels
from chiasm.jobs import Claim, WorkContext, finish

if TYPE_CHECKING:
    from chiasm.spaces import SpaceReader
    from chiasm_graph import NodeFeatures

__all__ = ["Preloaded", "fuse_entities", "fuse_unit", "preload"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

_MODALITIES = ("text", "image", "audio")


@dataclass(frozen=True)
class Preloaded:
    """The whole workspace in memory, for building every entity of a release."""

    graph: WorkspaceGraph
    vectors: AssetVectors
    features: NodeFeatures


def fuse_unit(ctx: WorkContext, claim: Claim) -> None:
    """Fuse the unit's entities for its release; those that have nothing to be fused from leave the space."""
    from chiasm.spaces import remove_items, stands_on_mapped, write_segment

    entity_ids = claim.payload["entity_ids"]
    with ctx.catalog.read() as session:
        release = session.get(Release, claim.payload["release_id"])
        space_id = _spaces(ctx.catalog, release.id).get("fused") if release is not None else None
    # Also for one that was retired since: its marks say that what was asked for before is done.
    if release is None or space_id is None or release.state == "failed":
        with ctx.catalog.write() as session:
            finish(session, claim, {})
        return
    ctx.beat(0, len(entity_ids), "fusing")
    with ctx.catalog.read() as session:
        mapped = stands_on_mapped(session, release.id)
    ids, vectors = fuse_entities(ctx, release, np.asarray(entity_ids, dtype=np.int64))
    segment = write_segment(
        ctx.catalog, ctx.settings.spaces_dir, space_id, ids, vectors, recall=ctx.settings.recall_target
    )
    with ctx.catalog.write() as session:
        # Locked: none of them is deleted before this transaction ends.
        alive = set(session.scalars(_live(entity_ids).order_by(Entity.id).with_for_update(read=True)))
        segment.commit(session, alive, mapped=mapped)
        fused = set(ids.tolist()) & alive
        remove_items(session, [space_id], [one for one in entity_ids if one not in fused])
        finish(session, claim, {"fused": len(fused)})


def fuse_entities(
    ctx: HasModels, release: Release, entity_ids: Ints, *, preloaded: Preloaded | None = None
) -> tuple[Ints, Floats]:
    """Fused vectors of the entities that have at least one token.

    Args:
        ctx: Work context or tools.
        release: Whose model and modality spaces are used.
        entity_ids: (n,).
        preloaded: The workspace as arrays, where more than a few thousand are fused (`preload`).

    Returns:
        Ids (m,) and vectors (m, dim), m <= n; deleted entities and those without any token are left out.
    """
    model = ctx.models.fusion(release.folder)
    with ctx.catalog.read() as session:
        parts = [session.scalars(_live(some)).all() for some in _thousands(np.unique(entity_ids).tolist())]
    ids = np.asarray([one for part in parts for one in part], dtype=np.int64)
    if not len(ids):
        return ids, np.zeros((0, model.dim), dtype=np.float32)
    loaded = preloaded or _load(ctx, release, model, ids)
    rows = loaded.graph.rows(ids)
    tokens = np.full((len(ids), model.feature_dims.get("graph", 0)), np.nan, dtype=np.float32)
    if "graph" in model.feature_dims and (rows >= 0).any():
        tokens[rows >= 0] = model.graph_tokens(loaded.graph.triples, loaded.features, rows[rows >= 0])
    paths = np.full((len(ids), model.feature_dims.get("path", 0)), np.nan, dtype=np.float32)
    if "path" in model.feature_dims and (rows >= 0).any():
        paths[rows >= 0] = model.path_tokens(loaded.graph.triples, loaded.features, rows[rows >= 0])
    items = _items(ids, loaded.vectors, {"graph": tokens, "path": paths})
    some = [n for n, item in enumerate(items) if item]
    return ids[some], model.fuse([items[n] for n in some])


def preload(ctx: HasModels, release: Release) -> Preloaded:
    """All vectors and edges of the release's workspace."""
    return _load(ctx, release, ctx.models.fusion(release.folder), None)


def _load(ctx: HasModels, release: Release, model: Any, entity_ids: Ints | None) -> Preloaded:
    graph = WorkspaceGraph.current(
        ctx.catalog, ctx.settings.home, release.workspace_id, model.predicates, model.origins
    )
    wanted = None
    if entity_ids is not None:
        wanted = np.union1d(entity_ids, graph.read_for(entity_ids, model.fanout, model.paths))
    readers = _readers(ctx, release, model.modalities)
    with ctx.catalog.read() as session:
        vectors = asset_vectors(session, release.workspace_id, readers, wanted)
    dims = {modality: model.feature_dims[modality] for modality in model.modalities}
    return Preloaded(graph, vectors, graph.features(vectors, dims))


def _items(ids: Ints, vectors: AssetVectors, tokens: Mapping[str, Floats]) -> list[dict[str, Floats]]:
    items: list[dict[str, Floats]] = [{} for _ in ids]
    for modality, (owners, matrix) in vectors.items():
        order = np.argsort(owners, kind="stable")
        first = np.searchsorted(owners[order], ids, side="left")
        last = np.searchsorted(owners[order], ids, side="right")
        for n in np.flatnonzero(last > first):
            items[n][modality] = matrix[order[first[n] : last[n]]]
    for kind, rows in tokens.items():
        for n in np.flatnonzero(np.isfinite(rows).all(axis=1)) if rows.shape[1] else ():
            items[n][kind] = rows[n : n + 1]
    return items


def _readers(ctx: HasModels, release: Release, modalities: tuple[str, ...]) -> dict[str, SpaceReader]:
    spaces = _spaces(ctx.catalog, release.id)
    chosen = {kind: spaces[kind] for kind in _MODALITIES if kind in spaces and kind in modalities}
    return {
        kind: _reader(ctx.catalog, ctx.settings.spaces_dir, space_id) for kind, space_id in chosen.items()
    }


def _spaces(catalog: Catalog, release_id: int) -> dict[str, int]:
    statement = select(ReleaseSpace.kind, ReleaseSpace.space_id).where(ReleaseSpace.release_id == release_id)
    with catalog.read() as session:
        return dict(session.execute(statement).all())


def _live(entity_ids: Any) -> Any:
    return select(Entity.id).where(Entity.id.in_(entity_ids), Entity.deleted_at.is_(None)).order_by(Entity.id)


def _thousands(ids: list[int]) -> list[list[int]]:
    return [ids[start : start + 10_000] for start in range(0, len(ids), 10_000)]


_lock = threading.Lock()
_open: dict[tuple[str, Path, int], SpaceReader] = {}
_MAX_OPEN = 8


def _reader(catalog: Catalog, root: Path, space_id: int) -> SpaceReader:
    """A reader that stays open from unit to unit and follows its space."""
    from chiasm.spaces import SpaceReader

    with _lock:
        reader = _open.pop((catalog.url, root, space_id), None) or SpaceReader(catalog, root, space_id)
        _open[catalog.url, root, space_id] = reader
        while len(_open) > _MAX_OPEN:
            del _open[next(iter(_open))]
    reader.refresh()
    return reader
