"""What all scorers of triples are."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

__all__ = ["Scorer"]

#: Most numbers of one intermediate where a scorer must compare coordinate by coordinate (64 MiB).
MOST_NUMBERS = 1 << 24


class Scorer(nn.Module, ABC):
    """Scores of triples from the vectors of their ends; relations are its own parameters.

    A head and a relation together become one vector (`project`), which is compared with tails (`compare`), so that all
    tails of a query cost one projection. The higher the score, the more plausible the triple. Inverses, where a
    model wants them, are relations like any other.

    Shapes:
        entities ``(N, dim)``; heads, tails ``(B, dim)``; relations ``(B,)`` int64; scores ``(B,)``.

    Args:
        num_relations: Inverses, where there are any, counted.
        dim: Width of the entity vectors.
    """

    def __init__(self, num_relations: int, dim: int) -> None:
        super().__init__()
        self.num_relations = num_relations
        self.dim = dim

    @abstractmethod
    def project(self, heads: Tensor, relations: Tensor) -> Tensor:
        """What heads become under relations, ``(B, dim)`` from ``(B, dim)``, ``(B,)``."""

    @abstractmethod
    def relation_factors(self, relations: Tensor) -> Tensor:
        """Moduli of the relations' parameters, which N3 regularises, ``(B, factors)``; no column if bounded."""

    @abstractmethod
    def reset(self, scale: float, generator: torch.Generator) -> None:
        """A random start for learning from triples alone; ``scale`` is that of the entity vectors."""

    def entity_factors(self, vectors: Tensor) -> Tensor:
        """Moduli of entity vectors, which N3 regularises, ``(B, factors)`` from ``(B, dim)``."""
        return vectors.abs()

    def start(self, num_entities: int, scale: float, generator: torch.Generator) -> Tensor:
        """Entity vectors to begin with, ``(num_entities, dim)``."""
        return scale * torch.randn(num_entities, self.dim, generator=generator)

    def compare(self, projected: Tensor, tails: Tensor) -> Tensor:
        """Scores of pairs, ``(*batch,)`` from two of ``(*batch, dim)`` that broadcast."""
        return (projected * tails).sum(-1)

    def compare_all(self, projected: Tensor, entities: Tensor) -> Tensor:
        """Scores against all entities, ``(B, N)`` from ``(B, dim)``, ``(N, dim)``."""
        return projected @ entities.T

    def forward(self, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """Scores of triples, ``(B,)`` from ``(B, dim)``, ``(B,)``, ``(B, dim)``."""
        return self.compare(self.project(heads, relations), tails)

    def all_tails(self, heads: Tensor, relations: Tensor, entities: Tensor) -> Tensor:
        """Scores of all entities as tails, ``(B, N)`` from ``(B, dim)``, ``(B,)``, ``(N, dim)``."""
        return self.compare_all(self.project(heads, relations), entities)

    def all_relations(self, heads: Tensor, tails: Tensor) -> Tensor:
        """Scores of all relations between two ends, ``(B, relations)`` from ``(B, dim)``, ``(B, dim)``."""
        columns = []
        for relation in range(self.num_relations):
            same = torch.full((len(heads),), relation, dtype=torch.int64, device=heads.device)
            columns.append(self(heads, same, tails))
        return torch.stack(columns, dim=1)
