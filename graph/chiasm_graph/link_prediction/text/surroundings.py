"""What stands around entities: the mean of their neighbours' vectors, as relations turn them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from chiasm_graph.triples import Triples

__all__ = ["Surroundings"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class _Near(NamedTuple):
    owner: Tensor
    neighbour: Tensor
    relation: Tensor


class Surroundings(nn.Module):
    r"""``c_e = mean over (n, r) around e of (x_n * w_r + b_r)``; 0 where nothing is around.

    One layer of CompGCN with the multiplicative composition, over frozen vectors. Triples that are being learned are
    left out on both sides, or the answer would stand in its own question.

    References:
        Vashishth et al. 2020, "Composition-based Multi-Relational Graph Convolutional Networks", eq. 2-4.

    Args:
        features: Vector of each entity, ``(entities, dim)``.
        graph: Of training.
        most: Neighbours of an entity that are read at most: one of each of as many even stretches of its edges.
    """

    def __init__(self, features: Tensor, graph: Triples, most: int) -> None:
        super().__init__()
        self._features, self._graph, self._most = features, graph, most
        count, dim = max(1, 2 * graph.num_relations), features.shape[1]
        self.turn = nn.Parameter(torch.ones(count, dim))
        self.shift = nn.Parameter(torch.zeros(count, dim))

    def forward(
        self, rows: Ints, without: Bools | None = None, generator: np.random.Generator | None = None
    ) -> Tensor:
        """Means around some entities, ``(rows, dim)``.

        Args:
            rows: Entities, ``(rows,)``.
            without: Triples that are left out, ``(triples,)``; None for none.
            generator: Decides which edge of a stretch is read; None reads its middle.
        """
        near = self._near(rows, without, generator)
        total = torch.zeros(len(rows), self._features.shape[1])
        turned = self._features[near.neighbour] * self.turn[near.relation] + self.shift[near.relation]
        count = torch.bincount(near.owner, minlength=len(rows)).clamp_min(1)
        return total.index_add(0, near.owner, turned) / count.unsqueeze(1)

    def _near(self, rows: Ints, without: Bools | None, generator: np.random.Generator | None) -> _Near:
        links = self._graph.adjacency
        start = links.indptr[rows]
        degree = links.indptr[rows + 1] - start
        taken = np.minimum(degree, self._most)
        owner = np.repeat(np.arange(len(rows)), taken)
        place = np.arange(len(owner)) - np.repeat(np.cumsum(taken) - taken, taken)
        # Stretch ``place`` of ``taken``: no edge twice, whatever the degree.
        within = 0.5 if generator is None else generator.random(len(owner))
        step = (degree / np.maximum(taken, 1))[owner]
        at = start[owner] + np.minimum((place + within) * step, degree[owner] - 1).astype(np.int64)
        if without is not None:
            kept = ~without[links.triple[at]]
            owner, at = owner[kept], at[kept]
        return _Near(*map(torch.from_numpy, (owner, links.neighbour[at], links.relation[at])))
