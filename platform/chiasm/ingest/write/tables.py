"""The tables as core sees them, and statements over many ids.

Core and not the ORM: a batch is some statements over lists of plain rows, several times faster.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, TypeVar

from chiasm.catalog.models import Asset, Domain, Entity, Predicate, Triple, table_of

__all__ = ["ASSET", "DOMAIN", "ENTITY", "PREDICATE", "TRIPLE", "chunks"]

T = TypeVar("T")

ASSET = table_of(Asset)
DOMAIN = table_of(Domain)
ENTITY = table_of(Entity)
PREDICATE = table_of(Predicate)
TRIPLE = table_of(Triple)

#: SQLite takes 32,766 bound values a statement.
_PER_STATEMENT = 10_000


def chunks(items: Collection[T], size: int = _PER_STATEMENT) -> Iterator[list[T]]:
    """The items in lists that one statement takes."""
    whole: list[Any] = list(items)
    for start in range(0, len(whole), size):
        yield whole[start : start + size]
