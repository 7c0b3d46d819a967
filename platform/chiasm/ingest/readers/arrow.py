"""Rows of Arrow tables as records: absent fields, maps, and JSON in text columns."""

from __future__ import annotations

from typing import Any

from chiasm.ingest.values import parse_json

__all__ = ["plain_row"]

#: Columns that may hold JSON as text.
_JSON = frozenset({"attributes", "relations"})


def plain_row(row: dict[str, Any]) -> dict[str, Any]:
    """The record of a row; nulls are absent fields.

    Raises:
        ManifestError: A text column that shall hold JSON holds none.
    """
    return {name: _plain(name, value) for name, value in row.items() if value is not None}


def _plain(name: str, value: Any) -> Any:
    """Arrow's structs give every field, absent ones as null."""
    if isinstance(value, dict):
        return {key: _plain("", part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        # A map column comes as a list of pairs.
        if name == "attributes" and all(isinstance(part, tuple) for part in value):
            return {str(key): part for key, part in value}
        return [_plain("", part) for part in value]
    return parse_json(value) if name in _JSON and isinstance(value, str) else value
