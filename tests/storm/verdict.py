"""Compares what was acknowledged with what is there."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlalchemy import select
from tests.storm.client import Fact

from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset, Embedding, Entity, Failure, Space, WorkUnit
from chiasm.settings import Settings

__all__ = ["differences"]

_ASKED = 300


def differences(
    kb: Any, catalog: Catalog, settings: Settings, facts: Mapping[str, Fact | None], gone: Mapping[str, str]
) -> list[str]:
    """Everything that is not as it was acknowledged, in words; nothing runs any more."""
    wanted = {key: fact for key, fact in facts.items() if fact is not None}
    return [
        *_rows(catalog, wanted),
        *_vectors(catalog, settings),
        *_answers(kb, wanted, gone),
        *_work(catalog),
        *_doctor(kb),
    ]


def _doctor(kb: Any) -> list[str]:
    checks = kb.doctor()["checks"]
    return [f"doctor: {one['check']}: {one['what']}" for one in checks if one["level"] == "problem"]


def _rows(catalog: Catalog, wanted: Mapping[str, Fact]) -> list[str]:
    with catalog.read() as session:
        alive = dict(session.execute(select(Entity.key, Entity.id).where(Entity.deleted_at.is_(None))).all())
        assets: dict[int, list[tuple[str, str | None, str]]] = {}
        columns = (Asset.entity_id, Asset.modality, Asset.value, Asset.sha256)
        for entity, modality, value, digest in session.execute(select(*columns)):
            assets.setdefault(entity, []).append((modality, value, digest))
    found = [f"lost: {key}" for key in wanted.keys() - alive.keys()]
    found += [f"phantom: {key}" for key in alive.keys() - wanted.keys()]
    for key in wanted.keys() & alive.keys():
        fact, mine = wanted[key], assets.get(alive[key], [])
        texts = [value for modality, value, _ in mine if modality == "text"]
        pictures = [digest for modality, _, digest in mine if modality == "image"]
        shown = [] if fact.picture is None else [hashlib.sha256(fact.picture).hexdigest()]
        if texts != [fact.text] or pictures != shown:
            found.append(f"{key} has texts {texts} and pictures {pictures}, not {fact.text!r} and {shown}")
    owners = assets.keys() - set(alive.values())
    return [*found, *(f"assets of no entity: {owner}" for owner in owners)]


def _vectors(catalog: Catalog, settings: Settings) -> list[str]:
    from chiasm.spaces import SpaceReader

    found = []
    with catalog.read() as session:
        spaces = list(session.execute(select(Space.id, Space.kind)))
        rows = {space: Counter(session.scalars(_held(space))) for space, _ in spaces}
        assets = {
            kind: set(session.scalars(select(Asset.id).where(Asset.modality == kind))) for _, kind in spaces
        }
    for space, kind in spaces:
        ids, vectors = SpaceReader(catalog, settings.spaces_dir, space).view.all()
        if any(count > 1 for count in rows[space].values()) or len(set(ids.tolist())) != len(ids):
            found.append(f"{kind} space holds an item twice")
        if set(ids.tolist()) != assets[kind]:
            found.append(f"{kind} space holds {len(ids)} items for {len(assets[kind])} assets")
        lengths = np.linalg.norm(np.asarray(vectors, dtype=np.float32), axis=1)
        if not np.allclose(lengths, 1.0, atol=1e-2):
            found.append(f"{kind} space holds a vector without unit length")
    return found


def _held(space: int) -> Any:
    return select(Embedding.item_id).where(Embedding.space_id == space)


def _answers(kb: Any, wanted: Mapping[str, Fact], gone: Mapping[str, str]) -> list[str]:
    found = []
    for key, fact in list(wanted.items())[-_ASKED:]:
        hits = kb.search(fact.text, k=2)
        if [hit.key for hit in hits[:1]] != [key]:
            found.append(f"{key} is not found by {fact.text!r}: {[hit.key for hit in hits]}")
    for key, text in list(gone.items())[-_ASKED:]:
        if key not in wanted and key in [hit.key for hit in kb.search(text, k=20)]:
            found.append(f"{key} is deleted, but found")
    return found


def _work(catalog: Catalog) -> list[str]:
    with catalog.read() as session:
        states = Counter(session.scalars(select(WorkUnit.state)))
        failed = [str(error) for error in session.scalars(select(Failure.error))]
    found = [f"{count} units are {state}" for state, count in states.items() if state != "done"]
    return found + [f"failure: {error}" for error in failed]
