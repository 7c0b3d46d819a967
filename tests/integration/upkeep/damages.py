"""Every kind of damage to a home, by name."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import delete, select, update

from chiasm.catalog.models import (
    Asset,
    Embedding,
    Entity,
    Job,
    Predicate,
    Segment,
    Space,
    Triple,
    WorkUnit,
)
from chiasm.jobs import add_units, create_job
from chiasm.spaces import write_segment
from chiasm.spaces.files import write_files

from .conftest import Clinic

Damage = Callable[[Clinic], None]


def flip(path: Path, at: float = 0.9) -> None:
    """Turn one bit of one byte."""
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    """Take the second half away."""
    os.truncate(path, path.stat().st_size // 2)


def in_file(kind: str, name: str, how: Callable[[Path], None]) -> Damage:
    return lambda clinic: how(clinic.folder(kind) / name)


def in_rows(statement: Any) -> Damage:
    def damage(clinic: Clinic) -> None:
        with clinic.catalog.write() as session:
            session.connection().exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            session.execute(statement)

    return damage


def ghost(kind: str) -> Damage:
    def damage(clinic: Clinic) -> None:
        segment, space = clinic.segment(kind)
        with clinic.catalog.write() as session:
            session.add(Embedding(space_id=space.id, item_id=987_654, segment_id=segment.id))

    return damage


def lost_row(kind: str) -> Damage:
    def damage(clinic: Clinic) -> None:
        _, space = clinic.segment(kind)
        with clinic.catalog.write() as session:
            session.execute(delete(Embedding).where(Embedding.space_id == space.id))

    return damage


def rewritten(
    kind: str, change: Callable[[np.ndarray, np.ndarray], None], stamp: str | None = None
) -> Damage:
    """A segment whose files agree with each other and are wrong all the same."""

    def damage(clinic: Clinic) -> None:
        segment, space = clinic.segment(kind)
        folder = clinic.home.settings.spaces_dir / segment.path
        ids, block = np.load(folder / "ids.npy"), np.load(folder / "block.npy").astype(np.float32)
        change(ids, block)
        other = folder.with_name(folder.name + "-other")
        file = write_files(other, ids, block, stamp or space.stamp)
        with clinic.catalog.write() as session:
            row = session.get_one(Segment, segment.id)
            row.path, row.sha256 = f"{Path(segment.path).parent}/{other.name}", file.sha256

    return damage


def zero(ids: np.ndarray, block: np.ndarray) -> None:
    block[0] = 0


def not_finite(ids: np.ndarray, block: np.ndarray) -> None:
    block[-1, 3] = np.nan


def twice(ids: np.ndarray, block: np.ndarray) -> None:
    ids[-1] = ids[0]


def foreign(ids: np.ndarray, block: np.ndarray) -> None:
    ids += 1000


def same(ids: np.ndarray, block: np.ndarray) -> None:
    pass


def not_live(clinic: Clinic) -> None:
    segment, _ = clinic.segment("text")
    with clinic.catalog.write() as session:
        session.get_one(Segment, segment.id).state = "retired"


def unknown_folder(clinic: Clinic) -> None:
    (clinic.home.settings.spaces_dir / "text-1" / "nobody").mkdir(parents=True)


def abandoned(clinic: Clinic) -> None:
    _, space = clinic.segment("text")
    write_segment(
        clinic.catalog, clinic.home.settings.spaces_dir, space.id, np.array([5]), np.ones((1, space.dim))
    )
    with clinic.catalog.write() as session:
        session.execute(update(Segment).where(Segment.state == "intent").values(created_at=0.0))


def remains_of_a_deleted(clinic: Clinic) -> None:
    with clinic.catalog.write() as session:
        gone = Entity(workspace_id=clinic.home.workspace_id, key="gone", attributes={}, deleted_at=1.0)
        session.add(gone)
        session.flush()
        other = session.scalars(select(Entity.id).where(Entity.key == "a")).one()
        predicate = session.scalars(select(Predicate.id)).first()
        common = {"workspace_id": clinic.home.workspace_id}
        session.add(
            Triple(
                **common, subject_id=gone.id, predicate_id=predicate, object_id=other, object_ref=f"e:{other}"
            )
        )
        session.add(
            Asset(**common, entity_id=gone.id, modality="text", sha256="0" * 64, value="x", size_bytes=1)
        )


def endless_job(clinic: Clinic) -> None:
    with clinic.catalog.write() as session:
        session.execute(update(Job).values(state="running", finished_at=None))


def lost_lease(clinic: Clinic) -> None:
    with clinic.catalog.write() as session:
        asset = session.scalars(select(Asset).where(Asset.modality == "text")).first()
        assert asset is not None
        space = session.scalars(select(Space.id).where(Space.kind == "text")).one()
        job = create_job(session, clinic.home.workspace_id, "ingest", {})
        add_units(session, job, "embed", [{"space_id": space, "asset_ids": [asset.id]}])
        ours = update(WorkUnit).where(WorkUnit.job_id == job.id)
        session.execute(ours.values(state="leased", owner="nobody", lease_until=1.0))


def unused_blob(clinic: Clinic) -> None:
    clinic.open.blobs.put(b"nobody names this")


def file_at(*parts: str) -> Damage:
    def damage(clinic: Clinic) -> None:
        path = clinic.root.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("left")
        os.utime(path, (time.time() - 3600,) * 2)

    return damage


DAMAGES: dict[str, tuple[Damage, str]] = {
    "vector of no asset": (ghost("text"), "ghosts"),
    "vector of no entity": (ghost("fused"), "ghosts"),
    "vectors in a retired segment": (not_live, "ghosts"),
    "assets and edges of a deleted entity": (remains_of_a_deleted, "ghosts"),
    "edges of a deleted entity": (remains_of_a_deleted, "graph"),
    "embedded without vector": (lost_row("image"), "missing"),
    "pending without work": (in_rows(update(Asset).values(state="pending")), "missing"),
    "without fused vector": (lost_row("fused"), "fused"),
    "index: byte": (in_file("text", "index.faiss", flip), "segments"),
    "index: cut": (in_file("text", "index.faiss", cut), "segments"),
    "index: gone": (in_file("fused", "index.faiss", Path.unlink), "segments"),
    "block: byte": (in_file("text", "block.npy", flip), "segments"),
    "block: cut": (in_file("image", "block.npy", cut), "segments"),
    "block: gone": (in_file("audio", "block.npy", Path.unlink), "segments"),
    "fused block: byte": (in_file("fused", "block.npy", flip), "segments"),
    "ids: byte": (in_file("text", "ids.npy", flip), "segments"),
    "manifest: byte": (in_file("text", "manifest.json", flip), "segments"),
    "manifest: gone": (in_file("text", "manifest.json", Path.unlink), "segments"),
    "zero vector": (rewritten("text", zero), "segments"),
    "vector not finite": (rewritten("fused", not_finite), "segments"),
    "one id twice": (rewritten("text", twice), "segments"),
    "ids of others": (rewritten("text", foreign), "segments"),
    "stamp of another model": (rewritten("image", same, "other"), "segments"),
    "folder unknown to SQL": (unknown_folder, "segment_files"),
    "segment never finished": (abandoned, "segment_files"),
    "blob of no asset": (unused_blob, "unused_blobs"),
    "job without end": (endless_job, "work"),
    "lease run out": (lost_lease, "work"),
    "upload left": (file_at("uploads", "0.jsonl"), "leftovers"),
    "upload folder left": (file_at("uploads", "f", "m.jsonl"), "leftovers"),
    "models of no release": (file_at("models", "releases", "1", "r9", "x.bin"), "leftovers"),
    "snapshot left": (file_at("models", "r1", "snapshot", "meta.json"), "leftovers"),
    "old wake-up": (file_at("queue", "messages", "x.msg"), "leftovers"),
}
