"""The homes of the ingest tests, and a searcher on them."""

from __future__ import annotations

import pytest
from tests.integration.ingest.conftest import Home, home

from chiasm.models import ModelCache
from chiasm.search import Searcher

__all__ = ["home"]


@pytest.fixture
def searcher(home: Home) -> Searcher:
    return Searcher(home.settings, home.catalog, ModelCache(home.settings))
