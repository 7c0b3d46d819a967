"""Where a home's catalog and its broker may be; a test marked `on(...)` runs at each of the places.

```
local       SQLite and the embedded broker
postgresql  PostgreSQL, for what needs no broker
redis       PostgreSQL and Redis
rabbitmq    PostgreSQL and RabbitMQ
```
"""

from __future__ import annotations

import pytest

__all__ = ["CATALOGS", "EVERYWHERE", "SERVERS", "on", "place"]

EVERYWHERE = ("local", "redis", "rabbitmq")
SERVERS = ("redis", "rabbitmq")
CATALOGS = ("local", "postgresql")


def on(*places: str) -> pytest.MarkDecorator:
    """A mark: run once at each place."""
    return pytest.mark.parametrize("place", places, indirect=True)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of the place; local where the test names none."""
    name = getattr(request, "param", "local")
    if name == "local":
        return {}
    settings = {"database_url": request.getfixturevalue("postgres_catalog_url")}
    if name != "postgresql":
        settings["broker_url"] = request.getfixturevalue(f"{name}_url")
    return settings
