"""Columns that most tables have."""

from __future__ import annotations

import sqlalchemy as sa

__all__ = ["BIG", "identity"]

#: 64 bits. SQLite counts only a plain INTEGER up by itself, which has as many.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def identity() -> sa.Column[int]:
    """The primary key."""
    return sa.Column("id", BIG, autoincrement=True, nullable=False)
