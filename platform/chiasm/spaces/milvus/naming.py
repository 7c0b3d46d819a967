"""What collections are called: several homes may share a database of Milvus, and none drops another's."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sqlalchemy import func, select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Workspace

__all__ = ["Naming"]

_DIGITS = 12


class Naming:
    """Names of a home's collections.

    Args:
        catalog: Of the home.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._prefix: str | None = None

    @property
    def prefix(self) -> str:
        """How all of them begin."""
        if self._prefix is None:
            with self._catalog.read() as session:
                # No two homes began in the same microsecond; a restored copy is the same home.
                began = session.scalar(select(func.min(Workspace.created_at)))
            self._prefix = f"chiasm_{hashlib.sha256(repr(began).encode()).hexdigest()[:_DIGITS]}_"
        return self._prefix

    def collection(self, folder: Path) -> str:
        """Name of the collection of the segment in a folder `<kind>-<space>/<uuid>`."""
        return f"{self.prefix}{folder.name}"
