"""Duplicates: fingerprints of contents, pairs that may be one thing, and what was merged into what."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chiasm.catalog.models.base import Base, BigId, Json, Name, Seconds, Sha256

__all__ = ["DuplicatePair", "EntityMerge", "Fingerprint", "MergePart"]


class Fingerprint(Base):
    """What a picture or a sound looks or sounds like, so that equal content is decoded once."""

    __tablename__ = "fingerprint"

    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"), primary_key=True)
    sha256: Mapped[Sha256] = mapped_column(primary_key=True)
    #: The computation and its version, as in `picture-1`: of another version nothing is compared.
    kind: Mapped[Name] = mapped_column(primary_key=True)
    #: Base64; empty where there is nothing to tell by (a blank picture, silence, not decodable).
    value: Mapped[str] = mapped_column(Text)


class DuplicatePair(Base):
    """Two entities that may be one thing, and what speaks for it."""

    __tablename__ = "duplicate_pair"
    __table_args__ = (
        UniqueConstraint("first_id", "second_id"),
        Index("ix_duplicate_pair_second_id", "second_id"),
        Index("ix_duplicate_pair_workspace_id_state_confidence", "workspace_id", "state", "confidence"),
    )

    id: Mapped[BigId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    #: The entity that came earlier; its id is the smaller one.
    first_id: Mapped[int] = mapped_column(ForeignKey("entity.id"))
    second_id: Mapped[int] = mapped_column(ForeignKey("entity.id"))
    confidence: Mapped[float]
    #: Modality to `{"signal", "confidence", "value"}`.
    evidence: Mapped[Json]
    #: found, merged or dismissed.
    state: Mapped[Name] = mapped_column(default="found")
    #: The job that saw it last; None where somebody merged or dismissed what no job had found.
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    created_at: Mapped[Seconds]
    updated_at: Mapped[Seconds]


class EntityMerge(Base):
    """An entity that became another name of the one it was merged into; its row is a tombstone meanwhile."""

    __tablename__ = "entity_merge"
    __table_args__ = (
        UniqueConstraint("entity_id"),
        Index("ix_entity_merge_into_id", "into_id"),
        Index("ix_entity_merge_workspace_id", "workspace_id"),
    )

    id: Mapped[BigId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    entity_id: Mapped[int] = mapped_column(ForeignKey("entity.id"))
    into_id: Mapped[int] = mapped_column(ForeignKey("entity.id"))
    #: The row as it was: domain_id, title, attributes, is_stub, record_hash.
    entity: Mapped[Json]
    #: What the kept entity has from it: `{"title": bool, "attributes": [names]}`.
    filled: Mapped[Json]
    created_at: Mapped[Seconds]


class MergePart(Base):
    """An asset of a merged entity, or a statement that names one, as its row was before."""

    __tablename__ = "merge_part"
    __table_args__ = (
        Index("ix_merge_part_merge_id", "merge_id"),
        Index("ix_merge_part_sha256", "sha256"),
        Index("ix_merge_part_subject_id", "subject_id"),
        Index("ix_merge_part_object_id", "object_id"),
    )

    id: Mapped[BigId]
    merge_id: Mapped[int] = mapped_column(ForeignKey("entity_merge.id"))
    #: asset or triple.
    kind: Mapped[Name]
    #: Its id, which it has again after an unmerge if it is free.
    row_id: Mapped[int]
    #: Of an asset: its content, which is not collected as long as it may be needed here.
    sha256: Mapped[str | None]
    #: Of a statement: its ends as they were given.
    subject_id: Mapped[int | None]
    object_id: Mapped[int | None]
    #: Whether the row stands for it now; else an equal one of the kept entity, or of another merged one, does.
    moved: Mapped[bool]
    content: Mapped[Json]
