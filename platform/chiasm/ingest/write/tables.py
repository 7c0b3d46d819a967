"""The tables as core sees them, and statements over many ids.

Core and not the ORM: a batch is some statements over lists of plain rows, several times faster.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, TypeVar, cast

from sqlalchemy import Table

from chiasm.catalog.models import Asset, Domain, Entity, Predicate, Triple

__all__ = ["ASSET", "DOMAIN", "ENTITY", "PREDICATE", "TRIPLE", "chunks"]

T = TypeVar("T")

ASSET = cast(Table, Asset.__table__)
DOMAIN = cast(Table, Domain.__table__)
ENTITY = cast(Table, Entity.__table__)
PREDICATE = cast(Table, Predicate.__table__)
TRIPLE = cast(Table, Triple.__table__)

#: SQLite takes 32,766 bound values a statement.
_PER_STATEMENT = 10_000


def chunks(items: Collection[T], size: int = _PER_STATEMENT) -> Iterator[list[T]]:
    """The items in lists that one statement takes."""
    whole: list[Any] = list(items)
    for start in range(0, len(whole), size):
        yield whole[start : start + size]
