"""Two towers over frozen text vectors: one for head and relation, one for the tail."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from chiasm_graph.errors import ShapeError
from chiasm_graph.link_prediction.text.config import TextConfig
from chiasm_graph.link_prediction.text.surroundings import Surroundings
from chiasm_graph.triples import Triples

__all__ = ["TextScores", "TextTowers"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
#: Entities whose tower is computed at a time when all are ranked.
_CHUNK = 4096


class TextScores(NamedTuple):
    """Towers as they are now, ready to rank all entities: `TailScores`."""

    towers: TextTowers
    #: (entities, dim), unit length
    tails: Tensor

    @property
    def num_entities(self) -> int:
        """Columns of the scores."""
        return len(self.tails)

    @property
    def num_relations(self) -> int:
        """Relations, reciprocal ones not counted."""
        return len(self.towers.relations) // 2

    @torch.inference_mode()
    def scores(self, heads: Tensor, relations: Tensor) -> Tensor:
        """Cosines over the learned temperature, ``(B, entities)`` from ``(B,)``, ``(B,)``."""
        asked = self.towers.ask(heads.numpy(), relations)
        return self.towers.scale() * (asked @ self.tails.T)


class _Tower(nn.Module):
    """``x + W_2 gelu(W_1 [x, beside])``, normalised; at the start ``x``."""

    def __init__(self, dim: int, beside: int, config: TextConfig) -> None:
        super().__init__()
        self.inner = nn.Linear(dim + beside, config.hidden)
        self.outer = nn.Linear(config.hidden, dim)
        self.drop = nn.Dropout(config.dropout)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, x: Tensor, *beside: Tensor) -> Tensor:
        # Coordinates of unit vectors are so small that a hidden layer would be linear in them.
        wide = math.sqrt(x.shape[-1]) * torch.cat([x, *beside], dim=-1)
        hidden = functional.gelu(self.inner(wide))
        return functional.normalize(x + self.outer(self.drop(hidden)), dim=-1)


class TextTowers(nn.Module):
    r"""``cos(f(x_h, w_r), g(x_t)) / temperature`` over frozen vectors ``x``; untrained, the cosine of the two texts.

    With surroundings, both towers also see what stands around their entity in the training graph.

    References:
        Wang et al. 2022, "SimKGC: Simple Contrastive Knowledge Graph Completion with Pre-trained Language Models",
        section 3.2; there the encoders are trained, here they are frozen and a residual layer is.

    Args:
        features: Text vector of each entity, ``(entities, dim)``; zero rows where there is no text.
        graph: Of training, over the same entities.
        config: How.
        seed: Of the start.

    Raises:
        ShapeError: Not one vector an entity.
    """

    def __init__(self, features: Tensor, graph: Triples, config: TextConfig, *, seed: int) -> None:
        super().__init__()
        if features.ndim != 2 or len(features) != graph.num_nodes:
            raise ShapeError(
                f"features are {tuple(features.shape)}",
                where="TextTowers",
                remedy=f"hand in one vector for each of {graph.num_nodes} entities",
            )
        # Not a buffer: frozen, and too large to be kept in every checkpoint.
        self._features = functional.normalize(features.float(), dim=1)
        dim = features.shape[1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.relations = nn.Parameter(torch.randn(2 * graph.num_relations, dim) / math.sqrt(dim))
            around = dim if config.surroundings else 0
            self.head_tower = _Tower(dim, dim + around, config)
            self.tail_tower = _Tower(dim, around, config)
            self.log_scale = nn.Parameter(torch.tensor(-math.log(config.temperature)))
        self.surroundings = (
            Surroundings(self._features, graph, config.neighbours) if config.surroundings else None
        )

    def scale(self) -> Tensor:
        """One over the temperature, at most 100."""
        return self.log_scale.clamp(max=math.log(100.0)).exp()

    def ask(
        self,
        heads: Ints,
        relations: Tensor,
        without: Bools | None = None,
        generator: np.random.Generator | None = None,
    ) -> Tensor:
        """Unit vectors of queries, ``(B, dim)``.

        Args:
            heads: ``(B,)``.
            relations: ``(B,)`` int64, reciprocal ones in the upper half.
            without: Triples that the surroundings leave out, ``(triples,)``.
            generator: Draws neighbours; None takes fixed ones.
        """
        beside = [self.relations[relations], *self._around(heads, without, generator)]
        return self.head_tower(self._features[torch.from_numpy(heads)], *beside)

    def answer(
        self, tails: Ints, without: Bools | None = None, generator: np.random.Generator | None = None
    ) -> Tensor:
        """Unit vectors of entities as tails, ``(B, dim)``; arguments as of `ask`."""
        around = self._around(tails, without, generator)
        return self.tail_tower(self._features[torch.from_numpy(tails)], *around)

    @torch.inference_mode()
    def ranked(self) -> TextScores:
        """The towers without dropout, and all entities as tails."""
        self.eval()
        rows = np.arange(len(self._features))
        parts = [self.answer(rows[start : start + _CHUNK]) for start in range(0, len(rows), _CHUNK)]
        return TextScores(self, torch.cat(parts))

    def _around(
        self, rows: Ints, without: Bools | None, generator: np.random.Generator | None
    ) -> list[Tensor]:
        return [] if self.surroundings is None else [self.surroundings(rows, without, generator)]
