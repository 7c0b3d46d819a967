"""The database's own clock: leases of many machines compare times of one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

__all__ = ["db_now"]


class db_now(FunctionElement[float]):  # noqa: N801 - reads as the SQL function it is
    """Seconds since the epoch, as the database sees them (float)."""

    type = Double()
    inherit_cache = True


@compiles(db_now, "sqlite")
def _sqlite(element: db_now, compiler: Any, **options: Any) -> str:
    # julianday is the form with milliseconds that every SQLite since 3.0 knows; 'subsec' came with 3.42.
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(db_now, "postgresql")
def _postgresql(element: db_now, compiler: Any, **options: Any) -> str:
    # clock_timestamp moves on inside a transaction, now() does not.
    return "EXTRACT(EPOCH FROM clock_timestamp())::double precision"
