"""A catalog revision written out as the folder that training reads (`chiasm.training.snapshot`)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Asset, Domain, Entity, Predicate, Release, Space, Triple, Workspace
from chiasm.errors import DamagedError, NotFoundError
from chiasm.fusion.recipe import Recipe
from chiasm.jobs import WorkContext
from chiasm.releases.feedback import said_of_entities
from chiasm.training.snapshot import SAMPLE_RATE_HZ, Snapshot
from chiasm.training.snapshot_writer import SnapshotWriter
from chiasm.training.splits import split_of
from chiasm.training.tables import SAID_COLUMNS

__all__ = ["take_snapshot"]

_BATCH = 2000
_MEDIA_BATCH = 32
_Row = TypeVar("_Row")


@dataclass(frozen=True)
class _AssetRow:
    """What the snapshot needs of an asset."""

    id: int
    entity: int
    modality: str
    sha256: str
    value: str | None
    lang: str | None
    role: str | None


class _Node(NamedTuple):
    """Where an entity stands in the snapshot."""

    row: int
    key: str


def take_snapshot(
    ctx: WorkContext,
    release: Release,
    spaces: dict[str, Space],
    folder: Path,
    recipe: Recipe | None = None,
    *,
    origins: Sequence[str],
) -> Path:
    """The snapshot folder of a release's workspace, written now unless the folder holds this revision's.

    Args:
        ctx: Catalog, blobs, decoder and progress of the work unit.
        release: Whose workspace is read.
        spaces: Modality to the space whose vectors are the features.
        folder: Where it shall be.
        recipe: Says how media are decoded for students; None leaves media out.
        origins: Where the statements come from that are taken.
    """
    if _is_current(ctx, release, folder, spaces, origins, resumed=recipe is not None):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    with ctx.catalog.read() as session:
        workspace = session.get_one(Workspace, release.workspace_id)
        predicates = session.execute(
            select(Predicate.id, Predicate.name)
            .where(Predicate.workspace_id == workspace.id)
            .order_by(Predicate.name)
        ).all()
        writer = SnapshotWriter(
            folder,
            workspace=workspace.name,
            revision=workspace.revision,
            predicates=[name for _, name in predicates],
            encoders={modality: space.stamp for modality, space in spaces.items()},
            origins=origins,
        )
        nodes = _write_entities(session, writer, workspace.id)
        _write_triples(session, writer, workspace.id, nodes, [row.id for row in predicates])
        said = said_of_entities(session, workspace.id)
        known = [(nodes[one].row, query, right) for (one, query), right in said.items() if one in nodes]
        for batch in _batches(known, _BATCH):
            writer.add_said(dict(zip(SAID_COLUMNS, zip(*batch, strict=True), strict=True)))
        assets = list(_assets(session, workspace.id, nodes))
    rows: dict[int, int] = {}
    for modality, space in spaces.items():
        rows |= _write_features(ctx, writer, modality, space, [a for a in assets if a.modality == modality])
    if recipe is not None:
        rows |= _write_media(ctx, writer, recipe, [a for a in assets if a.modality not in spaces])
    _write_assets(writer, assets, rows)
    writer.close()
    return folder


def _is_current(
    ctx: WorkContext,
    release: Release,
    folder: Path,
    spaces: dict[str, Space],
    origins: Sequence[str],
    *,
    resumed: bool,
) -> bool:
    """Whether a finished snapshot is there; a training that resumes keeps the one it began with."""
    try:
        found = Snapshot.open(folder)
    except (NotFoundError, DamagedError):
        return False
    if found.encoders != {modality: space.stamp for modality, space in spaces.items()}:
        return False
    if found.origins != tuple(origins):
        return False
    with ctx.catalog.read() as session:
        return resumed or session.get_one(Workspace, release.workspace_id).revision == found.revision


def _write_entities(session: Session, writer: SnapshotWriter, workspace_id: int) -> dict[int, _Node]:
    """Live entities in id order; entity id -> row number and key."""
    statement = (
        select(Entity.id, Entity.key, Domain.name, Entity.title, Entity.is_stub, Entity.attributes)
        .outerjoin(Domain, Domain.id == Entity.domain_id)
        .where(Entity.workspace_id == workspace_id, Entity.deleted_at.is_(None))
        .order_by(Entity.id)
    )
    nodes: dict[int, _Node] = {}
    for batch in session.execute(statement).partitions(_BATCH):
        ids, keys, domains, titles, stubs, attributes = zip(*batch, strict=True)
        writer.add_entities(
            {
                "id": ids,
                "key": keys,
                "domain": [domain or "" for domain in domains],
                "title": titles,
                "stub": stubs,
                # Whole entities are not held out: their words, pictures, sounds and edges are.
                "split": ["train"] * len(ids),
            }
        )
        first = len(nodes)
        writer.add_attributes(_plain_values(first, attributes))
        nodes |= {entity: _Node(first + n, keys[n]) for n, entity in enumerate(ids)}
    return nodes


def _plain_values(first: int, attributes: Sequence[Any]) -> dict[str, list[Any]]:
    """Attributes of one plain value, of entities from a row on; lists and nested ones name no class."""
    columns: dict[str, list[Any]] = {"entity": [], "name": [], "value": []}
    for row, values in enumerate(attributes, first):
        for name, value in sorted((values or {}).items()):
            if isinstance(value, str | int | float) and str(value):
                columns["entity"].append(row)
                columns["name"].append(name)
                columns["value"].append(str(value))
    return columns


def _write_triples(
    session: Session,
    writer: SnapshotWriter,
    workspace_id: int,
    nodes: dict[int, _Node],
    predicate_ids: Sequence[int],
) -> None:
    relations = {predicate: number for number, predicate in enumerate(predicate_ids)}
    statement = (
        select(Triple.subject_id, Triple.predicate_id, Triple.object_id)
        .where(Triple.workspace_id == workspace_id, Triple.object_id.is_not(None))
        .where(Triple.origin.in_(writer.origins))
        .order_by(Triple.id)
    )
    for batch in session.execute(statement).partitions(_BATCH):
        kept = [(s, p, o) for s, p, o in batch if s in nodes and o in nodes]
        writer.add_triples(
            {
                "head": [nodes[s].row for s, _, _ in kept],
                "relation": [relations[p] for _, p, _ in kept],
                "tail": [nodes[o].row for _, _, o in kept],
                "split": [
                    split_of(
                        writer.workspace, f"{nodes[s].key} {writer.predicates[relations[p]]} {nodes[o].key}"
                    )
                    for s, p, o in kept
                ],
            }
        )


def _assets(session: Session, workspace_id: int, nodes: dict[int, _Node]) -> Iterator[_AssetRow]:
    statement = (
        select(Asset.id, Asset.entity_id, Asset.modality, Asset.sha256, Asset.value, Asset.lang, Asset.role)
        .where(Asset.workspace_id == workspace_id, Asset.state != "failed")
        .order_by(Asset.entity_id, Asset.modality, Asset.position, Asset.id)
    )
    for row in session.execute(statement):
        if row.entity_id in nodes:
            yield _AssetRow(row.id, nodes[row.entity_id].row, row.modality, *row[3:])


def _write_features(
    ctx: WorkContext, writer: SnapshotWriter, modality: str, space: Space, assets: Sequence[_AssetRow]
) -> dict[int, int]:
    """Vectors of those assets that the space holds; asset id -> row."""
    from chiasm.spaces import SpaceReader

    reader = SpaceReader(ctx.catalog, ctx.settings.spaces_dir, space.id)
    ids = np.array([asset.id for asset in assets], dtype=np.int64)
    vectors = reader.vectors(ids)
    held = np.isfinite(vectors).all(axis=1)
    writer.write_features(modality, vectors[held])
    return {int(asset): row for row, asset in enumerate(ids[held])}


def _write_media(
    ctx: WorkContext, writer: SnapshotWriter, recipe: Recipe, assets: Sequence[_AssetRow]
) -> dict[int, int]:
    """Decoded pictures and sounds for the students; asset id -> row. Broken ones stay without a row."""
    images = [a for a in assets if a.modality == "image"]
    sounds = [a for a in assets if a.modality == "audio"]
    rows: dict[int, int] = {}
    if images:
        rows |= _write_images(ctx, writer, recipe.encoders.image.side, images)
    if sounds:
        rows |= _write_sounds(ctx, writer, recipe.encoders.audio.max_s, sounds)
    return rows


def _write_images(
    ctx: WorkContext, writer: SnapshotWriter, side: int, assets: list[_AssetRow]
) -> dict[int, int]:
    from chiasm_encoders.image.preprocess import square_picture

    array = writer.image_array(len(assets), side)
    rows: dict[int, int] = {}
    for batch in _batches(assets, _MEDIA_BATCH):
        # Twice the side: the square is cut and smoothed from more pixels than it needs.
        decoded = ctx.decoder.decode_images([ctx.blobs.get(a.sha256) for a in batch], max_side=2 * side)
        for asset, picture in zip(batch, decoded, strict=True):
            if isinstance(picture, np.ndarray):
                array[len(rows)] = square_picture(picture, side)
                rows[asset.id] = len(rows)
        ctx.beat(len(rows), len(assets), "pictures")
    array.flush()
    return rows


def _write_sounds(
    ctx: WorkContext, writer: SnapshotWriter, max_s: float, assets: list[_AssetRow]
) -> dict[int, int]:
    longest = round(max_s * SAMPLE_RATE_HZ)
    waves: list[NDArray[np.int16]] = []
    rows: dict[int, int] = {}
    for batch in _batches(assets, _MEDIA_BATCH):
        for asset, sound in zip(
            batch, ctx.decoder.decode_audios([ctx.blobs.get(a.sha256) for a in batch]), strict=True
        ):
            if isinstance(sound, Exception):
                continue
            samples = sound.resampled(SAMPLE_RATE_HZ).samples[:longest]
            rows[asset.id] = len(waves)
            waves.append((np.clip(samples, -1.0, 1.0) * 32767).astype(np.int16))
        ctx.beat(len(rows), len(assets), "sounds")
    flat, offsets = writer.audio_array([len(wave) for wave in waves])
    for row, wave in enumerate(waves):
        flat[offsets[row] : offsets[row + 1]] = wave
    flat.flush()
    return rows


def _write_assets(writer: SnapshotWriter, assets: Sequence[_AssetRow], rows: dict[int, int]) -> None:
    for batch in _batches(assets, _BATCH):
        columns: dict[str, list[Any]] = {
            "id": [a.id for a in batch],
            "entity": [a.entity for a in batch],
            "modality": [a.modality for a in batch],
            "sha256": [a.sha256 for a in batch],
            "lang": [a.lang for a in batch],
            "role": [a.role for a in batch],
            "split": [split_of(writer.workspace, a.sha256) for a in batch],
            "value": [a.value for a in batch],
            "row": [rows.get(a.id, -1) for a in batch],
        }
        writer.add_assets(columns)


def _batches(rows: Sequence[_Row], size: int) -> Iterator[Sequence[_Row]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
