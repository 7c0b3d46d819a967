"""Where the homes of the search tests keep what they search: the same tests pass at each place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.milvus import lite_store
from tests.servers import PostgresServer

from chiasm.catalog import Catalog
from chiasm.spaces import SpaceReader, collect, compact
from chiasm.spaces.milvus import MilvusSource, MilvusStore, Mirror, Naming

__all__ = ["PLACES", "MilvusPlace", "Place", "PostgresPlace", "lite_store", "store_place"]

PLACES = ("faiss", "milvus", "postgresql")


class Place:
    """SQLite and the segments' own indexes."""

    def settings(self, template: Any = None) -> dict[str, str]:
        """Settings of a new home, or of a copy of a filled one."""
        return {}

    def settle(self, home: Any) -> None:
        """Bring the back end to where a filled home is."""

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have it searched there."""


class PostgresPlace(Place):
    """PostgreSQL: a copy of a home has a copy of its database."""

    def __init__(self, server: PostgresServer, schema: str) -> None:
        self._server, self._schema = server, schema

    def settings(self, template: Any = None) -> dict[str, str]:
        """Of a database of its own."""
        name = template.settings.database_url.rpartition("/")[2] if template else self._schema
        return {"database_url": self._server.new_database(name)}


class MilvusPlace(Place):
    """Every segment, however small, is asked for at milvus-lite; what tests add later answers itself."""

    def __init__(self, store: MilvusStore) -> None:
        self._store = store

    def settle(self, home: Any) -> None:
        """One segment a space, copied once: the segments of copied homes have the same names."""
        for space_id in home.spaces.values():
            compact(home.catalog, home.settings.spaces_dir, space_id, min_segments=1)
        collect(home.catalog, home.settings.spaces_dir)
        Mirror(home.catalog, home.settings.spaces_dir, self._store, small_rows=0).follow()

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let searches read by it."""

        def reader(catalog: Catalog, root: Path, space_id: int, **options: Any) -> SpaceReader:
            source = MilvusSource(self._store, Naming(catalog))
            return SpaceReader(catalog, root, space_id, small_rows=0, source=source)

        monkeypatch.setattr("chiasm.search.state_cache.SpaceReader", reader)
        monkeypatch.setattr("chiasm.spaces.asked._EXACT_ROWS", 0)


@pytest.fixture(scope="session", params=PLACES)
def store_place(request: pytest.FixtureRequest) -> Place:
    """Each place."""
    if request.param == "milvus":
        return MilvusPlace(request.getfixturevalue("lite_store"))
    if request.param == "postgresql":
        return PostgresPlace(request.getfixturevalue("postgres"), request.getfixturevalue("_with_schema"))
    return Place()
