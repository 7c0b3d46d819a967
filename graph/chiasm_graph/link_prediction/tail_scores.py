"""What can be ranked: anything that scores all entities as tails of queries."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

__all__ = ["TailScores"]


class TailScores(Protocol):
    """Scores of all entities for queries; heads are asked for by reciprocal relations, the upper half.

    The higher the score, the more plausible the tail; scores of one query compare with each other alone.
    """

    @property
    def num_entities(self) -> int:
        """Columns of the scores."""

    @property
    def num_relations(self) -> int:
        """Relations, reciprocal ones not counted."""

    def scores(self, heads: Tensor, relations: Tensor) -> Tensor:
        """Finite scores, ``(B, entities)`` from ``(B,)``, ``(B,)`` int64; the caller may overwrite them."""
