"""Typed filters: the `--where` language, its tree, JSON and bound SQL."""

from chiasm.catalog.filters.exchange import filter_from_json
from chiasm.catalog.filters.parser import parse_where
from chiasm.catalog.filters.printer import to_text
from chiasm.catalog.filters.tree import (
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
)

__all__ = [
    "And",
    "Attribute",
    "Builtin",
    "Compare",
    "Contains",
    "Exists",
    "Filter",
    "In",
    "Modality",
    "Not",
    "Or",
    "filter_from_json",
    "parse_where",
    "to_text",
]
