"""Asset rows: what is new is inserted, what is gone is deleted with its vectors, the rest stays as it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Text, bindparam, insert, select, update
from sqlalchemy import literal as sql_literal
from sqlalchemy.types import TypeEngine

from chiasm.catalog.bulk import listed, rows_of
from chiasm.ingest.prepare import Content, Prepared, text_content
from chiasm.ingest.vectors import remove_assets
from chiasm.ingest.write.bases import hand_over_asset
from chiasm.ingest.write.state import WriteState
from chiasm.ingest.write.tables import ASSET

__all__ = ["Stored", "delete_assets", "insert_assets", "stored_assets", "sync_assets"]

#: What a text was given as, in its `source`: one string may be both title and text.
_TITLE, _TEXT = "title", "text"
_BOTH = f"{_TITLE}+{_TEXT}"
#: Columns of new assets as they are handed to the database.
_GIVEN: dict[str, type[TypeEngine[Any]]] = {
    "entity_id": BigInteger,
    "modality": Text,
    "sha256": Text,
    "value": Text,
    "media_type": Text,
    "size_bytes": BigInteger,
    "lang": Text,
    "role": Text,
    "source": Text,
    "position": BigInteger,
    "state": Text,
}


class Stored(NamedTuple):
    """An asset row, as far as changes need it."""

    id: int
    entity_id: int
    modality: str
    sha256: str
    lang: str | None
    role: str | None
    source: str | None
    position: int


def stored_assets(state: WriteState, entity_ids: Collection[int]) -> dict[int, list[Stored]]:
    """Assets by entity."""
    columns = [ASSET.c[name] for name in Stored._fields]
    found: dict[int, list[Stored]] = defaultdict(list)
    if entity_ids:
        these = listed(state.session, BigInteger, list(entity_ids))
        for row in state.session.execute(select(*columns).where(ASSET.c.entity_id.in_(these))):
            found[row.entity_id].append(Stored(*row))
    return found


def sync_assets(
    state: WriteState,
    records: Sequence[tuple[int, Prepared]],
    stored: Mapping[int, list[Stored]],
    adopted: Collection[tuple[int, str]] = (),
) -> set[int]:
    """Make each entity's assets those of its record; the entities whose assets changed.

    Args:
        state: The transaction.
        records: Entity and its record.
        stored: What each entity has.
        adopted: (entity, content) that came with merged entities: no record of the entity itself takes it back.
    """
    new: list[tuple[int, str, Content]] = []
    gone: list[Stored] = []
    moved: list[dict[str, Any]] = []
    spared: list[Stored] = []
    changed: set[int] = set()
    for entity_id, prepared in records:
        have = stored.get(entity_id, [])
        for modality, wanted in _wanted(prepared, have, replace_all=state.replace).items():
            mine = {asset.sha256: asset for asset in have if asset.modality == modality}
            broken = any(kind == modality for kind, _ in prepared.broken)
            for content in wanted:
                old = mine.pop(content.sha256, None)
                if old is None:
                    new.append((entity_id, modality, content))
                elif (old.lang, old.role, old.source, old.position) != _about(content):
                    names = (f"new_{name}" for name in _ABOUT)
                    moved.append({"asset_id": old.id, **dict(zip(names, _about(content), strict=True))})
            if not broken:
                lost = [asset for asset in mine.values() if (entity_id, asset.sha256) not in adopted]
                gone.extend(lost)
                changed.update(asset.entity_id for asset in lost)
                spared.extend(asset for asset in mine.values() if asset not in lost)
    delete_assets(state, gone)
    _update(state, moved)
    insert_assets(state, new)
    for asset in spared:
        # Not the entity's own any more, only what a merged one has.
        hand_over_asset(state, asset.entity_id, asset.sha256, asset.id)
    return changed | {entity_id for entity_id, _, _ in new}


def insert_assets(state: WriteState, assets: Sequence[tuple[int, str, Content]]) -> None:
    """New rows of (entity, modality, content): pending, or waiting where the modality has no encoder."""
    if not assets:
        return
    waits = {True: "pending", False: "waiting"}
    given = rows_of(
        state.session,
        _GIVEN,
        [
            (
                entity_id,
                modality,
                content.sha256,
                content.value,
                content.media_type,
                content.size_bytes,
                content.lang,
                content.role,
                content.source,
                content.position,
                waits[modality in state.targets.spaces],
            )
            for entity_id, modality, content in assets
        ],
    )
    chosen = select(*given.c, sql_literal(state.workspace_id), sql_literal(state.now))
    statement = insert(ASSET).from_select([*_GIVEN, "workspace_id", "created_at"], chosen)
    made = statement.returning(ASSET.c.id, ASSET.c.entity_id, ASSET.c.modality, ASSET.c.state)
    for asset_id, entity_id, modality, now in state.session.execute(made).all():
        if now == "pending":
            state.effects.pending[modality].add(asset_id)
            state.effects.waiting.add(entity_id)
    state.effects.counts["assets"] += len(assets)


def delete_assets(state: WriteState, assets: Sequence[Stored]) -> None:
    """Delete rows and take their vectors out of every space."""
    if assets:
        these = listed(state.session, BigInteger, [asset.id for asset in assets])
        remove_assets(state.session, state.workspace_id, ASSET.c.id.in_(these))
    state.effects.counts["removed"] += len(assets)


_ABOUT = ("lang", "role", "source", "position")


def _about(content: Content) -> tuple[str | None, str | None, str | None, int]:
    return content.lang, content.role, content.source, content.position


def _wanted(prepared: Prepared, have: Iterable[Stored], *, replace_all: bool) -> dict[str, list[Content]]:
    """Modality to the assets that should be there; a modality that stays as it is is left out."""
    record = prepared.record
    wanted: dict[str, list[Content]] = dict(prepared.media)
    if replace_all:
        for modality in ("image", "audio"):
            wanted.setdefault(modality, [])
    texts = sorted((a for a in have if a.modality == "text"), key=lambda asset: asset.position)
    if replace_all or record.title is not None or record.text is not None or texts:
        wanted["text"] = _texts(prepared, texts, replace_all=replace_all)
    return wanted


def _texts(prepared: Prepared, have: Sequence[Stored], *, replace_all: bool) -> list[Content]:
    """Title and texts as one list: equal strings are one asset. A name out of the key (role "key") goes."""
    record = prepared.record
    if record.title is not None or replace_all:
        titles = [text_content(record.title, None, None)] if record.title else []
    else:
        titles = [_kept(asset) for asset in have if asset.source in {_TITLE, _BOTH}]
    if record.text is not None or replace_all:
        texts = [text_content(item.value, item.lang, item.role) for item in record.text or ()]
    else:
        texts = [_kept(asset) for asset in have if asset.source in {_TEXT, _BOTH}]
    merged: dict[str, Content] = {item.sha256: replace(item, role="title", source=_TITLE) for item in titles}
    for position, item in enumerate(texts, start=1):
        title = merged.get(item.sha256)
        if title is None:
            merged[item.sha256] = replace(item, source=_TEXT, position=position)
        elif title.source == _TITLE:
            title.source, title.lang = _BOTH, item.lang
    return list(merged.values())


def _kept(asset: Stored) -> Content:
    role = None if asset.role == "title" else asset.role
    return Content(asset.sha256, None, None, 0, asset.lang, role, None, asset.position)


def _update(state: WriteState, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        values = {name: bindparam(f"new_{name}", type_=ASSET.c[name].type) for name in _ABOUT}
        statement = update(ASSET).where(ASSET.c.id == bindparam("asset_id")).values(values)
        state.session.connection().execute(statement, list(rows))
