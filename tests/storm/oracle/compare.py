"""Everything in which a home differs from the model, in words."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import select
from tests.storm.oracle.model import Entry, Model
from tests.storm.oracle.world import World, picture

from chiasm.catalog.models import Asset, Domain, Entity, Predicate, Space, Triple, WorkUnit
from chiasm.spaces import SpaceReader

__all__ = ["differences"]


def differences(world: World, model: Model) -> list[str]:
    """Nothing runs and everything was worked off."""
    with world.catalog.read() as session:
        domains = dict(session.execute(select(Domain.id, Domain.name)).all())
        rows = {
            row.key: row
            for row in session.scalars(select(Entity))
            # Of what was forgotten only a number may be left.
            if not row.key.startswith("forgotten:")
        }
        keys = {row.id: row.key for row in session.scalars(select(Entity))}
        assets: dict[str, list[Asset]] = defaultdict(list)
        for asset in session.scalars(select(Asset)):
            assets[keys[asset.entity_id]].append(asset)
        edges = session.execute(
            select(Triple, Predicate.name).join(Predicate, Predicate.id == Triple.predicate_id)
        ).all()
        open_units = Counter(session.scalars(select(WorkUnit.state).where(WorkUnit.state != "done")))
    found = [f"{state} units: {count}" for state, count in open_units.items() if state != "cancelled"]
    found += [f"lost: {key}" for key in model.entries.keys() - rows.keys()]
    found += [f"phantom: {key}" for key in rows.keys() - model.entries.keys()]
    for key in sorted(model.entries.keys() & rows.keys()):
        one = model.entries[key]
        found += [
            f"{key}: {what}" for what in _row(rows[key], one, domains) + _assets(assets.pop(key, []), one)
        ]
    found += [f"assets of nobody: {key}" for key in assets]
    stored = {
        (keys[row.subject_id], name, keys[row.object_id or 0]): (row.origin, row.confidence)
        for row, name in edges
    }
    if stored != model.edges:
        found.append(f"edges differ: {sorted(stored.items() ^ model.edges.items())[:4]}")
    return [*found, *_vectors(world)]


def _row(row: Entity, one: Entry, domains: dict[int, str]) -> list[str]:
    stored = {
        "revision": row.revision,
        "deleted": row.deleted_at is not None,
        "domain": domains.get(row.domain_id or 0),
        "title": row.title,
        "attributes": row.attributes,
    }
    if not one.deleted:
        stored["stub"] = row.is_stub
    return [
        f"{name} is {value!r}, not {getattr(one, name)!r}"
        for name, value in stored.items()
        if value != getattr(one, name)
    ]


def _assets(assets: list[Asset], one: Entry) -> list[str]:
    found = []
    titles = [asset.value for asset in assets if asset.role == "title"]
    names = [asset.value for asset in assets if asset.role == "key"]
    texts = {a.value: a.lang for a in sorted(assets, key=lambda a: a.position) if a.value in one.texts}
    words = Counter(asset.value for asset in assets if asset.modality == "text")
    if titles != ([one.title] if one.title else []) or names != ([one.name] if one.name else []):
        found.append(f"titles {titles} and names {names}, not {one.title!r} and {one.name!r}")
    if words != Counter(one.words) or texts != one.texts:
        found.append(f"texts {dict(words)} {texts}, not {one.words} {one.texts}")
    pictures = Counter(asset.sha256 for asset in assets if asset.modality == "image")
    if pictures != Counter(hashlib.sha256(picture(number)).hexdigest() for number in one.images):
        found.append(f"{len(pictures)} pictures, not {one.images}")
    found += [f"asset {asset.id} is {asset.state}" for asset in assets if asset.state != "embedded"]
    return found


def _vectors(world: World) -> Iterator[str]:
    with world.catalog.read() as session:
        spaces: list[Any] = session.execute(select(Space.id, Space.kind)).all()
        wanted: dict[str, set[int]] = defaultdict(set)
        for asset_id, modality in session.execute(select(Asset.id, Asset.modality)):
            wanted[modality].add(asset_id)
    for space_id, kind in spaces:
        ids, vectors = SpaceReader(world.catalog, world.settings.spaces_dir, space_id).all()
        if len(set(ids.tolist())) != len(ids) or set(ids.tolist()) != wanted[kind]:
            yield f"the {kind} space holds {len(ids)} items for {len(wanted[kind])} assets"
        if not np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-2):
            yield f"the {kind} space holds a vector without unit length"
