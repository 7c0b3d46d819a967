"""Releases: what was trained, on what, how good, in which state; what they are tried on, and how they fare."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chiasm.catalog.models.base import Base, BigId, Json, Name, Seconds

__all__ = ["Evaluation", "KeptQuery", "Release", "ReleaseTraffic", "ReleaseTrial"]


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
    #: Up to which change of the workspace its vectors are right (`chiasm.releases.following`); None: unknown.
    followed: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    #: What happened to it, oldest first: `[{"at", "event", "reason"}]`.
    history: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))

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


class KeptQuery(Base):
    """A search that releases are compared on: saved under a name, or sampled from what was asked of late."""

    __tablename__ = "kept_query"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[BigId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    #: None: sampled.
    name: Mapped[str | None]
    #: `{"text": ...}` or `{"entity": key}`, and `into`.
    query: Mapped[Json]
    created_at: Mapped[Seconds]


class ReleaseTrial(Base):
    """A release beside another one, for a while: watched after a swap, given a share of queries, or asked in silence."""

    __tablename__ = "release_trial"
    __table_args__ = (Index("ix_release_trial_workspace_id_state", "workspace_id", "state"),)

    id: Mapped[BigId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    #: The release on trial.
    release_id: Mapped[int] = mapped_column(ForeignKey("release.id"))
    #: The one that it is measured against.
    against_id: Mapped[int | None] = mapped_column(ForeignKey("release.id"))
    #: watch, canary or shadow.
    kind: Mapped[Name]
    #: Share of the queries, limits and the like.
    params: Mapped[Json]
    #: open or ended.
    state: Mapped[Name] = mapped_column(default="open")
    #: How it ended.
    result: Mapped[Json]
    started_at: Mapped[Seconds]
    #: None: until it is stopped.
    ends_at: Mapped[float | None]


class ReleaseTraffic(Base):
    """What one process saw of a release during a trial."""

    __tablename__ = "release_traffic"

    trial_id: Mapped[int] = mapped_column(ForeignKey("release_trial.id"), primary_key=True)
    release_id: Mapped[int] = mapped_column(ForeignKey("release.id"), primary_key=True)
    #: Random name of the process.
    process: Mapped[Name] = mapped_column(primary_key=True)
    #: Counts by name, and how many searches took how long (`chiasm.releases.traffic`).
    counts: Mapped[Json]
    updated_at: Mapped[Seconds]
