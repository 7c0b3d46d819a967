"""The typed tree of a filter: frozen, comparable, free of text.

```
Filter
 +-- And(items)  Or(items)  Not(item)
 +-- Compare(field, op, value)     == != < <= > >=
 +-- In(field, values)             the field equals one of the values
 +-- Contains(field, value)        an element of a list, or a part of a string
 +-- Exists(field)                 has a value other than null; a modality: has such an asset, or an edge
Field
 +-- Attribute(path)               attributes.a.b
 +-- Builtin(name)                 key, domain, title
 +-- Modality(name)                text, image, audio, graph; only in Exists
```

Meaning of types: a comparison across types is false, never an error; numbers compare as numbers, strings
by code point, booleans only for (in)equality; ``== null`` is true of what is null or not there. ``!=`` is
exactly the negation of ``==``, hence true of what is not there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chiasm.catalog.filters.limits import MAX_STEPS
from chiasm.errors import FilterError

__all__ = [
    "BUILTINS",
    "MODALITIES",
    "OPERATORS",
    "And",
    "Attribute",
    "Builtin",
    "Compare",
    "Contains",
    "Exists",
    "Field",
    "Filter",
    "In",
    "Modality",
    "Not",
    "Or",
    "Scalar",
]

Scalar = str | int | float | bool | None
Operator = Literal["==", "!=", "<", "<=", ">", ">="]

OPERATORS = ("==", "!=", "<", "<=", ">", ">=")
BUILTINS = ("key", "domain", "title")
MODALITIES = ("text", "image", "audio", "graph")
#: Integers beyond fit no database.
_MAX_INT = 2**63 - 1


@dataclass(frozen=True)
class Attribute:
    """A value inside an entity's attributes, by the keys that lead to it."""

    path: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.path or not all(isinstance(key, str) and key for key in self.path):
            raise FilterError(
                "an attribute needs at least one non-empty key", where="field", remedy="write attributes.year"
            )
        if len(self.path) > MAX_STEPS:
            raise FilterError(
                f"an attribute is at most {MAX_STEPS} deep", where="field", remedy="name one that is there"
            )
        for key in self.path:
            check_value(key)


@dataclass(frozen=True)
class Builtin:
    """The entity's key, domain or title."""

    name: str


@dataclass(frozen=True)
class Modality:
    """Presence of an asset of a modality, or of an edge for ``graph``."""

    name: str


Field = Attribute | Builtin


class Filter:
    """Base of all conditions; see the module for what they mean."""

    def to_json(self) -> dict[str, Any]:
        """The tree as JSON; `filter_from_json` reads it back."""
        from chiasm.catalog.filters.exchange import to_json

        return to_json(self)

    def to_sql(self, dialect: str = "sqlite") -> Any:
        """A bound SQLAlchemy condition on `Entity`, for ``sqlite`` or ``postgresql``."""
        from chiasm.catalog.filters.sql import to_sql

        return to_sql(self, dialect)

    def __str__(self) -> str:
        from chiasm.catalog.filters.printer import to_text

        return to_text(self)


@dataclass(frozen=True)
class Compare(Filter):
    """A field against a value."""

    field: Field
    op: Operator
    value: Scalar

    def __post_init__(self) -> None:
        check_value(self.value)
        if self.op not in ("==", "!=") and (self.value is None or isinstance(self.value, bool)):
            raise FilterError(
                f"{self.op} needs a number or a string", where="filter", remedy="use == or != with it"
            )


@dataclass(frozen=True)
class In(Filter):
    """A field equal to one of some values."""

    field: Field
    values: tuple[Scalar, ...]

    def __post_init__(self) -> None:
        for value in self.values:
            check_value(value)


@dataclass(frozen=True)
class Contains(Filter):
    """A list that has the value as an element, or a string that has it as a part."""

    field: Field
    value: Scalar

    def __post_init__(self) -> None:
        check_value(self.value)


@dataclass(frozen=True)
class Exists(Filter):
    """A field that is there and not null, or a modality that is present."""

    field: Field | Modality


@dataclass(frozen=True)
class And(Filter):
    """All of at least two conditions."""

    items: tuple[Filter, ...]

    def __post_init__(self) -> None:
        _check_items(self.items, "and")


@dataclass(frozen=True)
class Or(Filter):
    """One of at least two conditions."""

    items: tuple[Filter, ...]

    def __post_init__(self) -> None:
        _check_items(self.items, "or")


@dataclass(frozen=True)
class Not(Filter):
    """The opposite of a condition."""

    item: Filter


def check_value(value: Any) -> None:
    """Refuse what no database can hold.

    Raises:
        FilterError: A list or mapping, a number that is not finite or too large, a string with NUL or
            with half of a surrogate pair.
    """
    advice = "use a string, a number, true, false or null"
    if value is not None and not isinstance(value, (str, int, float)):
        kind = "an object" if isinstance(value, Mapping) else f"a {type(value).__name__}"
        raise FilterError(f"{kind} is no value to compare with", where="value", remedy=advice)
    if isinstance(value, float) and not math.isfinite(value):
        raise FilterError("a number must be finite", where="value", remedy=advice)
    if isinstance(value, int) and abs(value) > _MAX_INT:
        raise FilterError("a whole number must fit 64 bits", where="value", remedy="write it as 1.0e20")
    if isinstance(value, str):
        if "\0" in value:
            raise FilterError("a string may not hold NUL", where="value", remedy="leave it out")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise FilterError(
                "a string holds half of a surrogate pair",
                where="value",
                remedy="write the character as UTF-8",
            ) from error


def _check_items(items: tuple[Filter, ...], name: str) -> None:
    if len(items) < 2:
        raise FilterError(
            f"{name!r} needs at least two conditions", where="filter", remedy=f"add one, or leave {name} out"
        )
