"""The declarative base: naming convention, JSON and time columns."""

from __future__ import annotations

import time
from typing import Annotated, Any

from sqlalchemy import JSON, BigInteger, Double, Index, Integer, MetaData, String, Table, text
from sqlalchemy.orm import DeclarativeBase, mapped_column

from chiasm.catalog.names import NAME_LENGTH

__all__ = ["Base", "BigId", "Json", "Name", "RowHash", "Seconds", "Sha256", "table_of", "unsealed"]

#: 64-bit in PostgreSQL; SQLite only counts up on INTEGER.
BigInt = BigInteger().with_variant(Integer, "sqlite")

BigId = Annotated[int, mapped_column(BigInt, primary_key=True, autoincrement=True)]
#: Seconds since the epoch.
Seconds = Annotated[float, mapped_column(Double, default=time.time)]
Name = Annotated[str, mapped_column(String(NAME_LENGTH))]
Sha256 = Annotated[str, mapped_column(String(64))]
RowHash = Annotated[str | None, mapped_column(String(64))]
Json = Annotated[dict[str, Any], mapped_column(JSON, default=dict)]


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {int: BigInt, float: Double}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        table = cls.__table__
        key = list(table.primary_key)
        if isinstance(table, Table) and len(key) == 1 and key[0].autoincrement is True:
            # SQLite would give the id of the newest row again once that is deleted; but ids are the names of
            # vectors in files and of units under way.
            table.dialect_options["sqlite"]["autoincrement"] = True


def table_of(model: type[Base]) -> Table:
    """The table of a class.

    A statement of tables that is made once costs about half of one that is made of classes each time: what a searching
    process asks after each commit, or a batch for each of its rows, is written so.
    """
    found = model.__table__
    assert isinstance(found, Table)
    return found


def unsealed(table: str) -> Index:
    """The index by which rows without a seal are found: it holds nothing else."""
    none = text("row_hash IS NULL")
    return Index(f"ix_{table}_unsealed", "id", sqlite_where=none, postgresql_where=none)
