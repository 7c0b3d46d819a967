"""A filter as JSON and back, for the HTTP API.

```json
{"and": [{"field": "year", "op": ">=", "value": 1900}, {"field": "group", "in": ["a", "b"]},
         {"not": {"field": "tags", "contains": "pet"}}, {"exists": "image"}]}
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chiasm.catalog.filters.limits import check_size, shortened
from chiasm.catalog.filters.parser import parse_field
from chiasm.catalog.filters.printer import field_text
from chiasm.catalog.filters.tree import (
    OPERATORS,
    And,
    Compare,
    Contains,
    Exists,
    Filter,
    In,
    Not,
    Or,
)
from chiasm.errors import FilterError

__all__ = ["filter_from_json", "to_json"]

_MAX_DEPTH = 60
#: Names in a message.
_SHOWN = 10
_SHAPES = (
    '{"field", "op", "value"}, {"field", "in"}, {"field", "contains"}, {"exists"}, {"and"}, {"or"}, {"not"}'
)


def to_json(tree: Filter) -> dict[str, Any]:
    """A filter as JSON."""
    match tree:
        case And(items):
            return {"and": [to_json(item) for item in items]}
        case Or(items):
            return {"or": [to_json(item) for item in items]}
        case Not(item):
            return {"not": to_json(item)}
        case Compare(field, op, value):
            return {"field": field_text(field), "op": op, "value": value}
        case In(field, values):
            return {"field": field_text(field), "in": list(values)}
        case Contains(field, value):
            return {"field": field_text(field), "contains": value}
        case Exists(field):
            return {"exists": field_text(field)}
    raise TypeError(f"no filter: {tree!r}")


def filter_from_json(data: Any) -> Filter:
    """The tree of a JSON filter.

    Raises:
        FilterError: It has another shape; the error names the place as a path.
    """
    check_size(data)
    return _read(data, "where", 0)


def _read(data: Any, where: str, depth: int) -> Filter:
    if depth > _MAX_DEPTH:
        raise FilterError(
            f"more than {_MAX_DEPTH} levels of nesting", where=shortened(where), remedy="flatten it"
        )
    if not isinstance(data, Mapping):
        raise FilterError("a condition must be an object", where=where, remedy=f"one of {_SHAPES}")
    for keys, read in _READERS.items():
        if set(data) == set(keys):
            try:
                return read(data, where, depth)
            except FilterError as error:
                if error.where is not None and error.where.startswith("where"):
                    raise
                raise FilterError(error.what, where=where, remedy=error.remedy) from None
    raise FilterError(
        f"unknown condition with {', '.join(map(shortened, sorted(map(str, data))[:_SHOWN])) or 'no fields'}",
        where=where,
        remedy=f"one of {_SHAPES}",
    )


def _items(data: Any, where: str, depth: int) -> tuple[Filter, ...]:
    if not isinstance(data, list):
        raise FilterError("a list of conditions is needed", where=where, remedy=f"of {_SHAPES}")
    return tuple(_read(item, f"{where}[{at}]", depth + 1) for at, item in enumerate(data))


def _field(data: Any, *, modalities: bool = False) -> Any:
    if not isinstance(data, str):
        raise FilterError("a field is a string", where="field", remedy='write "a.b", odd names in backticks')
    return parse_field(data, modalities=modalities)


def _compare(data: Mapping[str, Any], where: str, depth: int) -> Filter:
    if data["op"] not in OPERATORS:
        raise FilterError(
            f"unknown operator {shortened(data['op'])}",
            where=f"{where}.op",
            remedy=f"one of {' '.join(OPERATORS)}",
        )
    return Compare(_field(data["field"]), data["op"], data["value"])


def _in(data: Mapping[str, Any], where: str, depth: int) -> Filter:
    if not isinstance(data["in"], list):
        raise FilterError(
            "a list of values is needed", where=f"{where}.in", remedy='write {"field": "a", "in": [1, 2]}'
        )
    return In(_field(data["field"]), tuple(data["in"]))


_READERS: dict[tuple[str, ...], Callable[[Mapping[str, Any], str, int], Filter]] = {
    ("and",): lambda data, where, depth: And(_items(data["and"], f"{where}.and", depth)),
    ("or",): lambda data, where, depth: Or(_items(data["or"], f"{where}.or", depth)),
    ("not",): lambda data, where, depth: Not(_read(data["not"], f"{where}.not", depth + 1)),
    ("exists",): lambda data, where, depth: Exists(_field(data["exists"], modalities=True)),
    ("field", "op", "value"): _compare,
    ("field", "in"): _in,
    ("field", "contains"): lambda data, where, depth: Contains(_field(data["field"]), data["contains"]),
}
