"""Homes with real worker processes, whose surroundings fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from tests.integration.jobs import conftest as workers

from chiasm.catalog.models import WorkUnit

__all__ = ["Home", "make_home", "paths", "units"]

Home = workers.Home
make_home, paths = workers.make_home, workers.paths
MakeHome = Callable[..., Home]


def units(home: Home, *columns: Any) -> list[Any]:
    """Columns of all units, in the order in which they were made."""
    with home.catalog.read() as session:
        return [tuple(row) for row in session.execute(select(*columns).order_by(WorkUnit.id))]
