"""Entities with all that was said of them, read a page at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset, Domain, Entity, Predicate, Triple

__all__ = ["GivenEntity", "GivenMedium", "GivenText", "Statement", "given_entities"]

_PAGE = 500
#: What a text was given as (its `source`) or made from (its `role`).
_TITLE, _TITLE_AND_TEXT, _FROM_KEY = "title", "title+text", "key"


class GivenText(NamedTuple):
    """A text beside the title."""

    value: str
    lang: str | None
    role: str | None


class GivenMedium(NamedTuple):
    """A picture or sound."""

    modality: str
    sha256: str
    media_type: str | None
    lang: str | None
    role: str | None
    #: It could not be decoded; its blob may be gone.
    failed: bool


class Statement(NamedTuple):
    """An edge to another entity by its key, or to a literal."""

    predicate: str
    object: str | None
    value: Any
    confidence: float
    #: stated, table, rule or predicted.
    origin: str


class GivenEntity(NamedTuple):
    """One entity; a stub is only named by others."""

    key: str
    stub: bool
    domain: str | None
    title: str | None
    attributes: dict[str, Any]
    texts: tuple[GivenText, ...]
    media: tuple[GivenMedium, ...]
    statements: tuple[Statement, ...]


def given_entities(catalog: Catalog, workspace_id: int) -> Iterator[GivenEntity]:
    """Every entity in order of arrival, each as it is at one moment.

    A page is a transaction of its own: a long reader would keep SQLite from folding its log into the file.
    """
    statement = (
        select(Entity, Domain.name)
        .outerjoin(Domain, Domain.id == Entity.domain_id)
        .where(Entity.workspace_id == workspace_id, Entity.deleted_at.is_(None))
        .order_by(Entity.id)
        .limit(_PAGE)
    )
    last = 0
    while True:
        with catalog.read() as session:
            rows = session.execute(statement.where(Entity.id > last)).all()
            ids = [entity.id for entity, _ in rows]
            assets, statements = _assets(session, ids), _statements(session, ids)
        if not rows:
            return
        last = ids[-1]
        for entity, domain in rows:
            mine = assets[entity.id]
            yield GivenEntity(
                entity.key,
                entity.is_stub,
                domain,
                entity.title,
                entity.attributes,
                _texts([asset for asset in mine if asset.modality == "text"], entity.title),
                tuple(_medium(asset) for asset in mine if asset.modality != "text"),
                tuple(statements[entity.id]),
            )


def _assets(session: Session, ids: Sequence[int]) -> dict[int, list[Asset]]:
    found: dict[int, list[Asset]] = defaultdict(list)
    for asset in session.scalars(
        select(Asset).where(Asset.entity_id.in_(ids)).order_by(Asset.entity_id, Asset.position, Asset.id)
    ):
        found[asset.entity_id].append(asset)
    return found


def _statements(session: Session, ids: Sequence[int]) -> dict[int, list[Statement]]:
    end = aliased(Entity)
    rows = session.execute(
        select(Triple.subject_id, Predicate.name, end.key, Triple.literal, Triple.confidence, Triple.origin)
        .join(Predicate, Predicate.id == Triple.predicate_id)
        .outerjoin(end, end.id == Triple.object_id)
        .where(Triple.subject_id.in_(ids))
        .order_by(Triple.id)
    )
    found: dict[int, list[Statement]] = defaultdict(list)
    for subject_id, *about in rows:
        found[subject_id].append(Statement(*about))
    return found


def _texts(assets: Sequence[Asset], title: str | None) -> tuple[GivenText, ...]:
    """The texts in the order given; one that was both title and text stands where its place is free."""
    listed = [asset for asset in assets if _is_text(asset)]
    texts = [(asset.position, _text(asset)) for asset in listed if asset.source != _TITLE_AND_TEXT]
    both = [_text(asset)._replace(role=None) for asset in listed if asset.source == _TITLE_AND_TEXT]
    # A title has no language of its own in a manifest: as a text of the same string it keeps it.
    both += [
        GivenText(asset.value or "", asset.lang, None)
        for asset in assets
        if asset.source == _TITLE and asset.lang and asset.value == title
    ]
    for text in both:
        taken = {position for position, _ in texts}
        texts.append((next(n for n in range(1, len(taken) + 2) if n not in taken), text))
    return tuple(text for _, text in sorted(texts, key=lambda item: item[0]))


def _is_text(asset: Asset) -> bool:
    made = _FROM_KEY in (asset.role, asset.source)
    return asset.value is not None and not made and asset.source != _TITLE


def _text(asset: Asset) -> GivenText:
    return GivenText(asset.value or "", asset.lang, asset.role)


def _medium(asset: Asset) -> GivenMedium:
    return GivenMedium(
        asset.modality, asset.sha256, asset.media_type, asset.lang, asset.role, asset.state == "failed"
    )
