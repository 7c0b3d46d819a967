"""Rows as one parameter, on both databases."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, BigInteger, Double, Text, select

from chiasm.catalog import Catalog
from chiasm.catalog.bulk import listed, rows_of

_TYPES: dict[str, Any] = {"name": Text, "number": BigInteger, "share": Double, "facts": JSON}
_ROWS = [
    ("plain", 1, 0.1, '{"a": [1, null]}'),
    ("quote ' \" \\ end", 2**62, math.pi, '"text"'),
    ("生日 \N{OCTOPUS}", -5, 1e-300, "null"),
    (None, None, None, None),
    ("", 0, -0.0, "[]"),
]


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    local = f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    opened = Catalog(local if request.param == "sqlite" else request.getfixturevalue("postgres_url"))
    yield opened
    opened.close()


def test_rows_come_back_as_they_were_given(catalog: Catalog) -> None:
    with catalog.read() as session:
        given = rows_of(session, _TYPES, _ROWS)
        found = session.execute(select(given.c.name, given.c.number, given.c.share)).all()
    assert [tuple(row) for row in found] == [row[:3] for row in _ROWS]


def test_no_rows_are_no_rows(catalog: Catalog) -> None:
    with catalog.read() as session:
        assert session.execute(select(rows_of(session, _TYPES, []))).all() == []


@pytest.mark.parametrize(
    ("kind", "values"), [(BigInteger, [3, 1, 2**62]), (Text, ["a", "b'c", "é"]), (Text, []), (BigInteger, [])]
)
def test_listed_values_are_found(catalog: Catalog, kind: Any, values: list[Any]) -> None:
    with catalog.read() as session:
        given = rows_of(
            session, {"value": kind}, [(value,) for value in [*values, values[0] if values else None]]
        )
        statement = select(given.c.value).where(given.c.value.in_(listed(session, kind, values)))
        assert set(session.scalars(statement)) == set(values)
