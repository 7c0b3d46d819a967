"""What people say of hits."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chiasm.catalog.models.base import Base, BigId, Name, Seconds, Sha256

__all__ = ["Feedback"]


class Feedback(Base):
    """An entity that was found, and whether it was what the query had asked for."""

    __tablename__ = "feedback"
    __table_args__ = (
        UniqueConstraint("workspace_id", "digest"),
        Index("ix_feedback_release_id_updated_at", "release_id", "updated_at"),
        Index("ix_feedback_entity_id", "entity_id"),
    )

    id: Mapped[BigId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    #: Over release, query and entity: who says it again says it once, and may say otherwise.
    digest: Mapped[Sha256]
    #: That answered; None: late fusion, before the first.
    release_id: Mapped[int | None] = mapped_column(ForeignKey("release.id"))
    query: Mapped[str] = mapped_column(Text)
    entity_id: Mapped[int] = mapped_column(ForeignKey("entity.id"))
    #: accepted or rejected.
    verdict: Mapped[Name]
    created_at: Mapped[Seconds]
    updated_at: Mapped[Seconds]
