"""What a workspace has to learn from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, distinct, exists, func, select
from sqlalchemy.orm import Session, aliased

from chiasm.catalog.models import Asset, Entity, Triple
from chiasm.errors import InputError

__all__ = ["Material", "look_at_material"]

_SAMPLE = 2000
#: Letters beyond this share of a text are of another script.
_FOREIGN = 0.3


@dataclass(frozen=True)
class Material:
    """Counts of what training can use; stubs are no entities here."""

    entities: int
    stubs: int
    #: Items of each modality.
    text: int
    image: int
    audio: int
    #: Entities that have a text beside a picture, or beside a sound: what students are taught by.
    pictured_and_named: int
    sounding_and_named: int
    #: Entities that have a picture beside a sound: what teaches students where there is no text.
    pictured_and_sounding: int
    #: Entities without any text, picture or sound.
    empty: int
    #: Share of a sample of texts that is marked as, or written in, another language than English.
    not_english: float
    statements: int
    #: Statements between two entities.
    edges: int

    def to_dict(self) -> dict[str, Any]:
        """The counts as JSON."""
        return asdict(self)


def look_at_material(session: Session, workspace_id: int) -> Material:
    """Count what a workspace holds.

    Raises:
        InputError: No entity but stubs.
    """
    alive = (Entity.workspace_id == workspace_id, Entity.deleted_at.is_(None))
    by_stub = dict(
        session.execute(select(Entity.is_stub, func.count()).where(*alive).group_by(Entity.is_stub)).all()
    )
    if not by_stub.get(False):
        raise InputError("there is nothing to train on", remedy="ingest a manifest first")
    items = select(Asset.modality, func.count()).where(Asset.workspace_id == workspace_id)
    items = items.join(Entity, Entity.id == Asset.entity_id).where(*alive)
    by_modality = dict(session.execute(items.group_by(Asset.modality)).all())

    def both(modality: str, beside: str) -> int:
        other = select(func.count(distinct(Asset.entity_id))).join(Entity, Entity.id == Asset.entity_id)
        return session.scalar(other.where(*alive, Asset.modality == modality, _has(beside))) or 0

    nothing = ~exists().where(Asset.entity_id == Entity.id)
    empty = select(func.count()).select_from(Entity).where(*alive, Entity.is_stub.is_(False), nothing)
    statements = select(func.count(), func.count(Triple.object_id)).where(Triple.workspace_id == workspace_id)
    every, edges = session.execute(statements).one()
    return Material(
        entities=by_stub[False],
        stubs=by_stub.get(True, 0),
        text=by_modality.get("text", 0),
        image=by_modality.get("image", 0),
        audio=by_modality.get("audio", 0),
        pictured_and_named=both("image", "text"),
        sounding_and_named=both("audio", "text"),
        pictured_and_sounding=both("image", "audio"),
        empty=session.scalar(empty) or 0,
        not_english=_not_english(session, workspace_id),
        statements=every,
        edges=edges,
    )


def _has(modality: str) -> ColumnElement[bool]:
    other = aliased(Asset)
    return exists().where(other.entity_id == Asset.entity_id, other.modality == modality)


def _not_english(session: Session, workspace_id: int) -> float:
    statement = (
        select(Asset.value, Asset.lang)
        .where(Asset.workspace_id == workspace_id, Asset.modality == "text")
        .order_by(Asset.sha256)
        .limit(_SAMPLE)
    )
    rows = session.execute(statement).all()
    if not rows:
        return 0.0
    return round(sum(_is_foreign(value or "", lang) for value, lang in rows) / len(rows), 3)


def _is_foreign(text: str, lang: str | None) -> bool:
    if lang:
        return not lang.lower().startswith("en")
    letters = [letter for letter in text if letter.isalpha()]
    return sum(letter > "\u024f" for letter in letters) > _FOREIGN * len(letters)
