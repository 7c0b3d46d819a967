"""Operators by name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

from chiasm_graph.errors import GraphError

if TYPE_CHECKING:
    from chiasm_graph.relational.relational_conv import RelationalConv

__all__ = ["build_conv", "conv_names"]

_CONVS: Mapping[str, str] = {
    "compgcn": "CompgcnConv",
    "hgt": "HgtConv",
    "rgat": "RgatConv",
    "rgcn": "RgcnConv",
}


def conv_names() -> tuple[str, ...]:
    """Names that `build_conv` knows, sorted."""
    return tuple(sorted(_CONVS))


def build_conv(name: str, dim: int, num_relations: int, *, bases: int, heads: int) -> RelationalConv:
    """A fresh operator.

    Raises:
        GraphError: No such operator, or heads that do not divide its width.
    """
    if name not in _CONVS:
        raise GraphError("no such operator", where=name, remedy=f"use one of {', '.join(conv_names())}")
    if dim % heads:
        raise GraphError(f"{heads} heads do not divide {dim}", where=name)
    module = import_module(f"chiasm_graph.relational.{name}_conv")
    return cast("RelationalConv", getattr(module, _CONVS[name])(dim, num_relations, bases, heads))
