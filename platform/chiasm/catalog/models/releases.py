"""Releases: what was trained, on what, how good, and in which state."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chiasm.catalog.models.base import Base, BigId, Json, Name, Seconds

__all__ = ["Evaluation", "Release"]


class Release(Base):
    """Encoders, GNN, fusion, calibration and spaces as one unit; shown as `r<number>`."""

    __tablename__ = "release"
    __table_args__ = (UniqueConstraint("workspace_id", "number"),)

    id: Mapped[BigId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    number: Mapped[int]
    #: building, candidate, active, retired or failed.
    state: Mapped[Name] = mapped_column(default="building")
    #: Recipe name or file, and the overrides given.
    recipe: Mapped[Json]
    seed: Mapped[int] = mapped_column(default=0)
    #: Workspace revision that the snapshot was taken at.
    revision: Mapped[int] = mapped_column(default=0)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("release.id"))
    #: Model folder, relative to the models folder.
    folder: Mapped[str] = mapped_column(Text, default="")
    metrics: Mapped[Json]
    gate: Mapped[Json]
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Seconds]
    activated_at: Mapped[float | None]

    @property
    def name(self) -> str:
        """Public name, as in `r7`."""
        return f"r{self.number}"


class Evaluation(Base):
    """A report of `chiasm evaluate`."""

    __tablename__ = "evaluation"

    id: Mapped[BigId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    release_id: Mapped[int | None] = mapped_column(ForeignKey("release.id"))
    revision: Mapped[int] = mapped_column(default=0)
    report: Mapped[Any] = mapped_column(JSON)
    created_at: Mapped[Seconds]
