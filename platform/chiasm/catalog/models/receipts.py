"""Receipts of what was forgotten."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from chiasm.catalog.models.base import Base, BigId, Json, Name, Seconds

__all__ = ["ForgetReceipt"]


class ForgetReceipt(Base):
    """What was removed for good: hashes and counts, never the content or the key itself."""

    __tablename__ = "forget_receipt"
    __table_args__ = (Index("ix_forget_receipt_workspace_id", "workspace_id"),)

    id: Mapped[BigId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    #: The job that clears files.
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    #: open (files are still being cleared) or done.
    state: Mapped[Name] = mapped_column(default="open")
    reason: Mapped[str | None] = mapped_column(Text)
    body: Mapped[Json]
    created_at: Mapped[Seconds]
    finished_at: Mapped[float | None]
