"""The application of an empty home, called in process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from chiasm.api import create_app
from chiasm.client.embedded import init_home
from chiasm.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = load_settings(tmp_path / "home")
    init_home(settings)
    return settings


@pytest.fixture
def local(settings: Settings) -> Iterator[TestClient]:
    """As on the loopback: no key is needed."""
    with TestClient(
        create_app(settings), base_url="http://127.0.0.1:8000", raise_server_exceptions=False
    ) as client:
        yield client


@pytest.fixture
def public(settings: Settings) -> Iterator[TestClient]:
    """As bound to all addresses: a key is needed."""
    application = create_app(settings, host="0.0.0.0")
    with TestClient(application, base_url="http://example.org", raise_server_exceptions=False) as client:
        yield client
