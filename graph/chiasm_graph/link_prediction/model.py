"""A vector an entity, and a scorer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chiasm_graph.scorers.registry import build_scorer
from chiasm_graph.scorers.scorer import Scorer

__all__ = ["LinkModel", "LinkVectors"]


class LinkVectors:
    """Entity vectors and a scorer; relations are doubled, the upper half asks for heads.

    Args:
        entities: ``(entities, dim)``.
        scorer: Over relations and their reciprocals.
    """

    entities: Tensor
    scorer: Scorer

    def __init__(self, entities: Tensor, scorer: Scorer) -> None:
        self.entities, self.scorer = entities, scorer

    @property
    def num_entities(self) -> int:
        """Rows of the entity table."""
        return len(self.entities)

    @property
    def num_relations(self) -> int:
        """Relations, reciprocal ones not counted."""
        return self.scorer.num_relations // 2

    def vectors(self, rows: Tensor) -> Tensor:
        """Vectors of entities, ``(*batch, dim)`` from ``(*batch,)``."""
        return nn.functional.embedding(rows, self.entities)

    def scores(self, heads: Tensor, relations: Tensor) -> Tensor:
        """Scores of all entities as tails, ``(B, entities)`` from ``(B,)``, ``(B,)``."""
        return self.scorer.all_tails(self.vectors(heads), relations, self.entities)


class LinkModel(nn.Module, LinkVectors):
    """Scores of links from learned vectors.

    Args:
        entities: Vectors to begin with, ``(entities, dim)``.
        scorer: Over relations and their reciprocals.
    """

    def __init__(self, entities: Tensor, scorer: Scorer) -> None:
        nn.Module.__init__(self)
        self.entities = nn.Parameter(entities)
        self.scorer = scorer

    def encoded(self, *, train: bool = False) -> LinkVectors:
        """The vectors as they are now; here they are learned as such."""
        return self

    @classmethod
    def build(
        cls, scorer: str, num_entities: int, num_relations: int, dim: int, *, scale: float, seed: int
    ) -> LinkModel:
        """A model with random weights that depend on the seed alone.

        Args:
            scorer: One of `chiasm_graph.scorers.scorer_names`.
            num_entities: Rows.
            num_relations: Reciprocal ones not counted.
            dim: Width of the entity vectors.
            scale: Standard deviation of the start.
            seed: Of the start.
        """
        generator = torch.Generator().manual_seed(seed)
        built = build_scorer(scorer, 2 * num_relations, dim)
        built.reset(scale, generator)
        return cls(built.start(num_entities, scale, generator), built)
