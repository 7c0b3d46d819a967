"""Results of units, added up to the result of their job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["merged"]


def merged(known: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Both results as one: counters are summed, nested objects merged, anything else is the later one's."""
    total = dict(known)
    for name, value in more.items():
        old = total.get(name)
        if _is_count(value) and _is_count(old):
            total[name] = old + value
        elif isinstance(value, Mapping) and isinstance(old, Mapping):
            total[name] = merged(old, value)
        else:
            total[name] = value
    return total


def _is_count(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
