"""Scorers by name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

from chiasm_graph.errors import GraphError

if TYPE_CHECKING:
    from chiasm_graph.scorers.scorer import Scorer

__all__ = ["build_scorer", "scorer_names"]

_SCORERS: Mapping[str, str] = {
    "complex": "ComplexScorer",
    "distmult": "DistmultScorer",
    "rotate": "RotateScorer",
    "transe": "TranseScorer",
    "tucker": "TuckerScorer",
}


def scorer_names() -> tuple[str, ...]:
    """Names that `build_scorer` knows, sorted."""
    return tuple(sorted(_SCORERS))


def build_scorer(name: str, num_relations: int, dim: int) -> Scorer:
    """A fresh scorer.

    Args:
        name: One of `scorer_names`.
        num_relations: Inverses, where there are any, counted.
        dim: Width of the entity vectors.

    Raises:
        GraphError: No such scorer.
    """
    if name not in _SCORERS:
        raise GraphError("no such scorer", where=name, remedy=f"use one of {', '.join(scorer_names())}")
    module = import_module(f"chiasm_graph.scorers.{name}_scorer")
    return cast("Scorer", getattr(module, _SCORERS[name])(num_relations, dim))
