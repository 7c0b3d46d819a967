"""Vector spaces: their segments, and which segment holds the live row of each item."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from chiasm.catalog.models.base import Base, BigId, Name, Seconds, Sha256

__all__ = ["DeadRow", "Embedding", "ReleaseSpace", "Segment", "Space"]

_MAPPED = text("mapped IS NOT NULL")


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
    __table_args__ = (
        Index("ix_segment_space_id_state", "space_id", "state"),
        Index("ix_segment_merged_into", "merged_into"),
    )

    id: Mapped[BigId]
    space_id: Mapped[int] = mapped_column(ForeignKey("space.id"))
    #: Folder under the spaces root.
    path: Mapped[str] = mapped_column(Text)
    #: intent (being written), live or retired.
    state: Mapped[Name] = mapped_column(default="intent")
    rows: Mapped[int] = mapped_column(default=0)
    size_bytes: Mapped[int] = mapped_column(default=0)
    #: exact, hnsw or ivfpq.
    index_kind: Mapped[Name] = mapped_column(default="exact")
    #: SHA-256 of the segment's manifest, which holds those of its files.
    sha256: Mapped[Sha256] = mapped_column(default="")
    #: The live segment that holds its rows now; `embedding` follows a piece at a time.
    merged_into: Mapped[int | None]
    #: Whether `dead_row` names every dead row of it; segments older than that table say nothing.
    deaths_noted: Mapped[bool | None] = mapped_column(default=True)
    created_at: Mapped[Seconds]


class Embedding(Base):
    """The live row of an item in a space; an item without one is not searchable there."""

    __tablename__ = "embedding"
    __table_args__ = (
        Index("ix_embedding_segment_id", "segment_id"),
        Index("ix_embedding_mapped", "space_id", "item_id", sqlite_where=_MAPPED, postgresql_where=_MAPPED),
    )

    space_id: Mapped[int] = mapped_column(ForeignKey("space.id"), primary_key=True)
    #: Asset id or entity id, by the space's kind.
    item_id: Mapped[int] = mapped_column(primary_key=True)
    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id"))
    #: True: it stands in, mapped from another space (or fused from such), until the space's own model has made it.
    mapped: Mapped[bool | None]


class DeadRow(Base):
    """A row of a live segment whose item is gone or has its live row elsewhere: readers mask it.

    A reader that knows a generation asks for what died since. Every writer raises the generation first, which
    locks the space until its commit: so generations become visible in their order.
    """

    __tablename__ = "dead_row"
    __table_args__ = (Index("ix_dead_row_space_id_generation", "space_id", "generation"),)

    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id"), primary_key=True)
    item_id: Mapped[int] = mapped_column(primary_key=True)
    space_id: Mapped[int] = mapped_column(ForeignKey("space.id"))
    #: Of the space from which on it is dead.
    generation: Mapped[int]


class ReleaseSpace(Base):
    """Which spaces a release answers from."""

    __tablename__ = "release_space"

    release_id: Mapped[int] = mapped_column(ForeignKey("release.id"), primary_key=True)
    #: text, image, audio, graph or fused.
    kind: Mapped[Name] = mapped_column(primary_key=True)
    space_id: Mapped[int] = mapped_column(ForeignKey("space.id"))
    #: Folder, in the release's, of a small encoder that was distilled to ask this space in the place of the space's own.
    student: Mapped[Name | None]
    #: Fingerprint that it must have.
    student_stamp: Mapped[Name | None]
