"""Names and texts that are added to entities one by one, as RDF states them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, func, null, update

from chiasm.ingest.prepare import Content, text_content
from chiasm.ingest.rows import Label
from chiasm.ingest.write.assets import Stored, delete_assets, insert_assets, stored_assets
from chiasm.ingest.write.entities import Known, insert_entities, name_ids
from chiasm.ingest.write.state import WriteState
from chiasm.ingest.write.tables import DOMAIN, ENTITY

__all__ = ["add_labels"]


def add_labels(state: WriteState, labels: Sequence[Label], known: Mapping[str, Known], domain: str) -> None:
    """Add texts; the first name becomes the title of an entity without one. A stub becomes an entity."""
    by_key: dict[str, list[Label]] = defaultdict(list)
    first_key: dict[int, str] = {}
    for label in labels:
        # Two keys may name one entity, where one was merged into the other.
        entity_id = state.ids.get(label.key)
        by_key[label.key if entity_id is None else first_key.setdefault(entity_id, label.key)].append(label)
    domain_id = name_ids(state, DOMAIN, [domain])[domain]
    missing = sorted(key for key in by_key if key not in state.ids)
    insert_entities(state, [{"key": key, "domain_id": domain_id} for key in missing])
    stored = stored_assets(state, [state.ids[key] for key in by_key])
    new: list[tuple[int, str, Content]] = []
    gone: list[Stored] = []
    filled, titled, changed = [], [], []
    for key, mine in by_key.items():
        entity_id, one = state.ids[key], known.get(key)
        have = stored.get(entity_id, [])
        title = one.title if one is not None and not one.deleted else None
        first = None if title else next((label.value for label in mine if label.names), None)
        fresh = _fresh(mine, have, first)
        new.extend((entity_id, "text", content) for content in fresh)
        if first is not None:
            titled.append({"entity_id": entity_id, "first": first})
        if one is not None and (one.is_stub or one.deleted):
            filled.append({"entity_id": entity_id})
            # The name out of the key gives way, unless it is the very string.
            fresh_ones = {label.value for label in mine}
            gone.extend(a for a in have if a.role == "key" and a.sha256 not in _hashes(fresh_ones))
        if fresh or first is not None or (one is not None and one.is_stub):
            state.effects.touched.add(entity_id)
            if one is not None:
                changed.append({"entity_id": entity_id})
    _fill(state, filled, titled, domain_id)
    _count_up(state, changed)
    delete_assets(state, gone)
    insert_assets(state, new)
    state.effects.counts["created"] += len(missing) + len(filled)


def _fresh(labels: Sequence[Label], have: Sequence[Stored], first: str | None) -> list[Content]:
    seen = {asset.sha256 for asset in have if asset.modality == "text"}
    position = max((asset.position for asset in have if asset.modality == "text"), default=0)
    fresh = []
    for label in labels:
        is_title = label.value == first
        content = text_content(label.value, label.lang, "title" if is_title else None)
        if content.sha256 in seen:
            continue
        seen.add(content.sha256)
        position += 1
        content.source = "title" if is_title else "text"
        content.position = 0 if is_title else position
        fresh.append(content)
    return fresh


def _hashes(values: set[str]) -> set[str]:
    return {text_content(value, None, None).sha256 for value in values}


def _fill(
    state: WriteState, filled: list[dict[str, int]], titled: list[dict[str, object]], domain_id: int
) -> None:
    by_id = update(ENTITY).where(ENTITY.c.id == bindparam("entity_id"))
    if filled:
        statement = by_id.values(
            is_stub=False,
            deleted_at=null(),
            domain_id=func.coalesce(ENTITY.c.domain_id, domain_id),
            updated_at=state.now,
        )
        state.session.connection().execute(statement, filled)
    if titled:
        state.session.connection().execute(
            by_id.values(title=bindparam("first"), updated_at=state.now), titled
        )


def _count_up(state: WriteState, changed: list[dict[str, int]]) -> None:
    if changed:
        statement = update(ENTITY).where(ENTITY.c.id == bindparam("entity_id"))
        state.session.connection().execute(
            statement.values(revision=ENTITY.c.revision + 1, updated_at=state.now), changed
        )
