"""A filter as text that parses to the same tree."""

from __future__ import annotations

import json
import re

from chiasm.catalog.filters.tokens import KEYWORDS
from chiasm.catalog.filters.tree import (
    BUILTINS,
    MODALITIES,
    And,
    Attribute,
    Builtin,
    Compare,
    Contains,
    Exists,
    Filter,
    In,
    Modality,
    Not,
    Or,
    Scalar,
)

__all__ = ["field_text", "to_text"]

_PLAIN = re.compile(r"[^\W\d]\w*")
_RESERVED = {*BUILTINS, *MODALITIES, "attributes"}


def to_text(tree: Filter) -> str:
    """A filter in the language of `--where`."""
    match tree:
        case And(items):
            return " and ".join(_inner(item) for item in items)
        case Or(items):
            return " or ".join(_inner(item) for item in items)
        case Not(item):
            return f"not {_inner(item)}"
        case Compare(field, op, value):
            return f"{field_text(field)} {op} {_value(value)}"
        case In(field, values):
            return f"{field_text(field)} in [{', '.join(map(_value, values))}]"
        case Contains(field, value):
            return f"{_value(value)} in {field_text(field)}"
        case Exists(field):
            return f"exists({field_text(field)})"
    raise TypeError(f"no filter: {tree!r}")


def field_text(field: Attribute | Builtin | Modality) -> str:
    """A field as it is written; names that are taken or odd are prefixed or stand in backticks."""
    if not isinstance(field, Attribute):
        return field.name
    prefix = "attributes." if field.path[0] in _RESERVED else ""
    return prefix + ".".join(map(_name, field.path))


def _name(key: str) -> str:
    if _PLAIN.fullmatch(key) and key not in KEYWORDS:
        return key
    escaped = json.dumps(key, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("`", "\\`")
    return f"`{escaped}`"


def _value(value: Scalar) -> str:
    return json.dumps(value, ensure_ascii=False)


def _inner(tree: Filter) -> str:
    text = to_text(tree)
    return f"({text})" if isinstance(tree, And | Or) else text
