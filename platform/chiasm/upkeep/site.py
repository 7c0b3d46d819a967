"""What checks work on: the parts of a home, and how closely they look."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chiasm.catalog import Catalog
from chiasm.settings import Settings

if TYPE_CHECKING:
    from chiasm.media import BlobStore
    from chiasm.models import ModelCache

__all__ = ["GRACE_S", "HomeParts", "Site"]

#: Files younger than this may belong to something that is being written.
GRACE_S = 24 * 3600.0


class HomeParts(Protocol):
    """An open home."""

    @property
    def settings(self) -> Settings:
        """Its settings."""

    @property
    def catalog(self) -> Catalog:
        """Its catalog."""

    @property
    def blobs(self) -> BlobStore:
        """Where pictures and sounds lie."""

    @property
    def models(self) -> ModelCache:
        """Its loaded models."""


@dataclass
class Site:
    """A home under examination."""

    home: HomeParts
    #: Read every byte of every blob, not those of a sample.
    full: bool = False
    grace_s: float = GRACE_S
    #: Workspace to the job that computes again what repairs dropped.
    job_of: dict[int, int] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """Settings of the home."""
        return self.home.settings

    @property
    def catalog(self) -> Catalog:
        """The catalog of the home."""
        return self.home.catalog

    @property
    def models(self) -> ModelCache:
        """Loaded models of the home."""
        return self.home.models
