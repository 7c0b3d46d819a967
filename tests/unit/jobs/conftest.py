from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.places import CATALOGS

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.settings import Settings, load_settings
from chiasm_migrations.upgrade import upgrade_schema


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path / "home", lease_s=2.0)


@pytest.fixture(scope="session")
def empty_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog file with the schema, copied for each test."""
    settings = load_settings(tmp_path_factory.mktemp("empty"))
    catalog = Catalog.open(settings)
    upgrade_schema(catalog.engine)
    catalog.close()
    return settings.home / "catalog.sqlite"


@pytest.fixture(params=CATALOGS)
def catalog(request: pytest.FixtureRequest, settings: Settings, empty_catalog: Path) -> Iterator[Catalog]:
    """With the newest schema, on SQLite and on PostgreSQL."""
    if request.param == "local":
        settings.home.mkdir()
        shutil.copy(empty_catalog, settings.home)
        catalog = Catalog.open(settings)
    else:
        catalog = Catalog(request.getfixturevalue("postgres_catalog_url"))
    yield catalog
    catalog.close()


@pytest.fixture
def workspace_id(catalog: Catalog) -> int:
    return catalog.workspace_id("default")


@pytest.fixture
def ask(catalog: Catalog, workspace_id: int) -> Callable[..., int]:
    """Makes a job with units of one kind."""

    def make(kind: str, payloads: list[dict[str, Any]], *, tenant: int | None = None, **options: Any) -> int:
        with catalog.write() as session:
            job = jobs.create_job(session, tenant or workspace_id, "ingest", {})
            jobs.add_units(session, job, kind, payloads, **options)
            return job.id

    return make
