"""Vector spaces: their segments, and which segment holds the live row of each item."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chiasm.catalog.models.base import Base, BigId, Name, Seconds, Sha256

__all__ = ["Embedding", "ReleaseSpace", "Segment", "Space"]


class Space(Base):
    """One vector space: items of one kind embedded by one model."""

    __tablename__ = "space"
    __table_args__ = (UniqueConstraint("workspace_id", "kind", "stamp"),)

    id: Mapped[BigId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    #: text, image, audio (items are assets), graph or fused (items are entities).
    kind: Mapped[Name]
    #: Fingerprint of the model that made the vectors; vectors of two stamps are never compared.
    stamp: Mapped[Name]
    #: How to load the encoder (`load_encoder` spec), relative to the models folder for students.
    encoder: Mapped[str | None] = mapped_column(Text)
    dim: Mapped[int]
    #: Counts up with every change of the live set; readers follow it.
    generation: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[Seconds]


class Segment(Base):
    """An immutable folder of vectors with its checksums."""

    __tablename__ = "segment"
    __table_args__ = (Index("ix_segment_space_id_state", "space_id", "state"),)

    id: Mapped[BigId]
    space_id: Mapped[int] = mapped_column(ForeignKey("space.id"))
    #: Folder under the spaces root.
    path: Mapped[str] = mapped_column(Text)
    #: intent (being written), live or retired.
    state: Mapped[Name] = mapped_column(default="intent")
    rows: Mapped[int] = mapped_column(default=0)
    size_bytes: Mapped[int] = mapped_column(default=0)
    #: exact; later hnsw, ivfpq.
    index_kind: Mapped[Name] = mapped_column(default="exact")
    #: SHA-256 of the segment's manifest, which holds those of its files.
    sha256: Mapped[Sha256] = mapped_column(default="")
    created_at: Mapped[Seconds]


class Embedding(Base):
    """The live row of an item in a space; an item without one is not searchable there."""

    __tablename__ = "embedding"
    __table_args__ = (Index("ix_embedding_segment_id", "segment_id"),)

    space_id: Mapped[int] = mapped_column(ForeignKey("space.id"), primary_key=True)
    #: Asset id or entity id, by the space's kind.
    item_id: Mapped[int] = mapped_column(primary_key=True)
    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id"))


class ReleaseSpace(Base):
    """Which spaces a release answers from."""

    __tablename__ = "release_space"

    release_id: Mapped[int] = mapped_column(ForeignKey("release.id"), primary_key=True)
    #: text, image, audio, graph or fused.
    kind: Mapped[Name] = mapped_column(primary_key=True)
    space_id: Mapped[int] = mapped_column(ForeignKey("space.id"))
