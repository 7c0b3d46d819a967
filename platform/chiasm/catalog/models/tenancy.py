"""Tenants: workspaces, their keys and their domains."""

from __future__ import annotations

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chiasm.catalog.models.base import Base, BigId, Name, Seconds, Sha256

__all__ = ["ApiKey", "Domain", "Workspace"]


class Workspace(Base):
    """A tenant; every look-up goes by (workspace, id)."""

    __tablename__ = "workspace"

    id: Mapped[BigId]
    name: Mapped[Name] = mapped_column(unique=True)
    #: Counts up with each write transaction that changes entities, assets or triples.
    revision: Mapped[int] = mapped_column(default=0)
    #: The release that answers; none yet: late fusion. No foreign key: `release` already refers to us.
    active_release_id: Mapped[int | None]
    created_at: Mapped[Seconds]


class ApiKey(Base):
    """A key of the HTTP API; only its hash is kept."""

    __tablename__ = "api_key"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[BigId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    name: Mapped[Name]
    key_hash: Mapped[Sha256] = mapped_column(unique=True)
    #: read, write or admin; each includes the ones before.
    scope: Mapped[Name]
    created_at: Mapped[Seconds]
    revoked_at: Mapped[float | None]


class Domain(Base):
    """A named body of data inside a workspace."""

    __tablename__ = "domain"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[BigId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    name: Mapped[Name]
