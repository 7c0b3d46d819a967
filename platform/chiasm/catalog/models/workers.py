"""Workers that are there."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from chiasm.catalog.models.base import Base, Name, Seconds

__all__ = ["LiveWorker"]


class LiveWorker(Base):
    """A worker process and its runners; a sign of life, and no fact that a backup would keep."""

    __tablename__ = "live_worker"

    #: As claims have it (`chiasm.jobs.owners`).
    owner: Mapped[str] = mapped_column(String(512), primary_key=True)
    host: Mapped[Name]
    pid: Mapped[int]
    #: Lane to the owner name of its runner.
    runners: Mapped[Any] = mapped_column(JSON)
    #: As the setting says it.
    device: Mapped[Name]
    version: Mapped[Name]
    started_at: Mapped[Seconds]
    seen_at: Mapped[Seconds]
