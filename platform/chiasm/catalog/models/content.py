"""What users gave us: entities, their assets, and the knowledge graph."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from chiasm.catalog.models.base import Base, BigId, Json, Name, RowHash, Seconds, Sha256, unsealed

__all__ = ["Asset", "Entity", "Predicate", "Triple"]


class Entity(Base):
    """A thing with a public key; a *stub* is only named by others so far."""

    __tablename__ = "entity"
    __table_args__ = (
        unsealed("entity"),
        UniqueConstraint("workspace_id", "key"),
        Index("ix_entity_workspace_id_domain_id", "workspace_id", "domain_id"),
        # What came since: with another index all of the workspace's rows are looked through for it.
        Index("ix_entity_workspace_id_id", "workspace_id", "id"),
    )

    id: Mapped[BigId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    key: Mapped[Name]
    #: None for a stub.
    domain_id: Mapped[int | None] = mapped_column(ForeignKey("domain.id"))
    title: Mapped[str | None] = mapped_column(Text)
    attributes: Mapped[Json]
    is_stub: Mapped[bool] = mapped_column(default=False)
    #: SHA-256 of the record as last ingested (canonical JSON, media by content); equal means nothing to do.
    record_hash: Mapped[str | None]
    #: Counts up with every change of the entity.
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[Seconds]
    updated_at: Mapped[Seconds]
    deleted_at: Mapped[float | None]
    #: Seal over the facts of the row (`chiasm.catalog.seals`); None until it is computed.
    row_hash: Mapped[RowHash]


#: Texts stay in their row: nobody looks for one by its hash, and an index of all of them costs each 80 bytes.
_IN_BLOBS = text("modality <> 'text'")


class Asset(Base):
    """One text, image or sound of an entity."""

    __tablename__ = "asset"
    __table_args__ = (
        unsealed("asset"),
        UniqueConstraint("entity_id", "modality", "sha256"),
        Index("ix_asset_workspace_id_modality_state", "workspace_id", "modality", "state"),
        Index("ix_asset_workspace_id_id", "workspace_id", "id"),
        Index("ix_asset_sha256", "sha256", sqlite_where=_IN_BLOBS, postgresql_where=_IN_BLOBS),
    )

    id: Mapped[BigId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    entity_id: Mapped[int] = mapped_column(ForeignKey("entity.id"))
    #: text, image or audio.
    modality: Mapped[Name]
    #: SHA-256 of the content; also its address in the blob store.
    sha256: Mapped[Sha256]
    #: The text itself; media lie in the blob store.
    value: Mapped[str | None] = mapped_column(Text)
    media_type: Mapped[str | None]
    size_bytes: Mapped[int]
    lang: Mapped[str | None]
    role: Mapped[str | None]
    #: Order within the entity and modality; the title is text 0.
    position: Mapped[int] = mapped_column(default=0)
    #: Where it came from, as the user wrote it (path in the manifest).
    source: Mapped[str | None] = mapped_column(Text)
    #: pending, embedded, waiting (no encoder for the modality yet) or failed.
    state: Mapped[Name] = mapped_column(default="pending")
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Seconds]
    #: Seal over the facts of the row (`chiasm.catalog.seals`); None until it is computed.
    row_hash: Mapped[RowHash]


class Predicate(Base):
    """A relation of the knowledge graph."""

    __tablename__ = "predicate"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[BigId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    name: Mapped[Name]


class Triple(Base):
    """Subject, predicate and an object that is an entity or a literal."""

    __tablename__ = "triple"
    __table_args__ = (
        # NULLs differ in a unique constraint; the object's identity is therefore a column of its own.
        UniqueConstraint("subject_id", "predicate_id", "object_ref"),
        Index("ix_triple_object_id", "object_id"),
        Index("ix_triple_workspace_id", "workspace_id"),
    )

    id: Mapped[BigId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    subject_id: Mapped[int] = mapped_column(ForeignKey("entity.id"))
    predicate_id: Mapped[int] = mapped_column(ForeignKey("predicate.id"))
    object_id: Mapped[int | None] = mapped_column(ForeignKey("entity.id"))
    literal: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    #: `e:<entity id>` or `l:<sha256 of the literal's canonical JSON>`.
    object_ref: Mapped[Name]
    #: stated (a record), table (a triples file), rule or predicted.
    origin: Mapped[Name] = mapped_column(default="stated")
    confidence: Mapped[float] = mapped_column(default=1.0)
