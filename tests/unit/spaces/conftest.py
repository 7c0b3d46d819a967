"""A catalog with one space of eight dimensions."""

from __future__ import annotations

from pathlib import Path

import pytest

from chiasm.catalog import Catalog
from chiasm.catalog.models import Base, Space
from chiasm.spaces import kinds, reader, tiers


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    with catalog.write() as session:
        Base.metadata.create_all(session.connection())
    return catalog


@pytest.fixture
def space_id(catalog: Catalog) -> int:
    workspace_id = catalog.workspace_id("default")
    with catalog.write() as session:
        space = Space(workspace_id=workspace_id, kind="text", stamp="s" * 64, encoder="constant", dim=8)
        session.add(space)
        session.flush()
        return space.id


@pytest.fixture
def small_indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Graphs from 200 rows on, codes from 2,000."""
    for module in (kinds, tiers):
        monkeypatch.setattr(module, "HNSW_ROWS", 200)
    monkeypatch.setattr(kinds, "IVFPQ_ROWS", 2000)
    monkeypatch.setattr(reader, "SMALL_ROWS", 199)
