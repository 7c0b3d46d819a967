"""A filter from either of its two notations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chiasm.catalog.filters import Filter

__all__ = ["to_filter"]


def to_filter(where: str | Mapping[str, Any]) -> Filter:
    """The filter that an expression, or its tree as JSON, means.

    Raises:
        FilterError: It cannot be understood.
    """
    from chiasm.catalog.filters import filter_from_json, parse_where

    return parse_where(where) if isinstance(where, str) else filter_from_json(dict(where))
