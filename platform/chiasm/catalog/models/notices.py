"""What is to be told of outcomes, and to whom it was told."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from chiasm.catalog.models.base import Base, BigId, Json, Name, Seconds

__all__ = ["Delivery", "Notice"]


class Notice(Base):
    """An outcome, written in the transaction that brought it about."""

    __tablename__ = "notice"
    __table_args__ = (Index("ix_notice_workspace_id", "workspace_id"),)

    id: Mapped[BigId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    #: release.promoted, release.refused, job.failed, schedule.failed, ...
    event: Mapped[Name]
    body: Mapped[Json]
    created_at: Mapped[Seconds]


class Delivery(Base):
    """A notice on its way by one channel."""

    __tablename__ = "delivery"
    __table_args__ = (Index("ix_delivery_state_due_at", "state", "due_at"),)

    notice_id: Mapped[int] = mapped_column(ForeignKey("notice.id"), primary_key=True)
    #: webhook or mail.
    channel: Mapped[Name] = mapped_column(primary_key=True)
    #: pending, sent or failed.
    state: Mapped[Name] = mapped_column(default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    #: When it is anybody's to send; whoever sends moves it on first.
    due_at: Mapped[Seconds]
    error: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[float | None]
