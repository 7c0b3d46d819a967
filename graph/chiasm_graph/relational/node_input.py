"""What is known of a node before any message: features of encoders, or else a vector of its own."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from chiasm_graph.errors import ShapeError
from chiasm_graph.features import NodeFeatures

__all__ = ["NodeInput"]


class NodeInput(nn.Module):
    """Mean of the projections of a node's texts, pictures and sounds; a learned row where it has none.

    Args:
        num_nodes: Of the graph.
        dim: Width of the vectors.
        features: Of the same nodes; None: all rows are learned. They stay where they are, maybe memory-mapped.

    Raises:
        ShapeError: Features of another number of nodes.
    """

    def __init__(self, num_nodes: int, dim: int, features: NodeFeatures | None = None) -> None:
        super().__init__()
        self.num_nodes, self.dim, self.features = num_nodes, dim, features
        modalities = features.modalities if features is not None else ()
        known = np.zeros(num_nodes, dtype=np.bool_)
        for modality in modalities:
            assert features is not None
            there = np.asarray(features.present[modality])
            if len(there) != num_nodes:
                raise ShapeError(f"features of {len(there)} nodes, not {num_nodes}", where=modality)
            known |= there
        self.projections = nn.ModuleDict(
            {m: nn.Linear(features.values[m].shape[1], dim, bias=False) for m in modalities if features}
        )
        #: Row of each node in `table`, -1 for those that have features.
        self.row = np.where(known, -1, np.cumsum(~known) - 1)
        self.table = nn.Parameter(torch.empty(int((~known).sum()), dim))

    def reset(self, scale: float, generator: torch.Generator) -> None:
        """Start rows with a standard deviation of ``scale``; projections as `nn.Linear` does, by the generator."""
        with torch.no_grad():
            self.table.normal_(0.0, scale, generator=generator)
            for linear in self.projections.values():
                assert isinstance(linear, nn.Linear)
                bound = linear.in_features**-0.5
                linear.weight.uniform_(-bound, bound, generator=generator)

    def forward(self, nodes: np.ndarray | None = None) -> Tensor:
        """Vectors of some nodes, ``(n, dim)``; None means all."""
        rows = self.row if nodes is None else self.row[nodes]
        if not len(self.projections):
            return self.table if nodes is None else functional.embedding(self._index(rows), self.table)
        total = torch.zeros(len(rows), self.dim, device=self.table.device)
        count = torch.zeros(len(rows), 1, device=self.table.device)
        assert self.features is not None
        wanted = np.arange(self.num_nodes) if nodes is None else np.asarray(nodes, dtype=np.int64)
        for modality, (values, present) in self.features.gather(wanted).items():
            there = torch.from_numpy(present).to(total.device).unsqueeze(-1)
            unit = functional.normalize(torch.from_numpy(values).to(total.device), dim=-1)
            total = total + cast(Tensor, self.projections[modality](unit)) * there
            count = count + there
        alone = np.flatnonzero(rows >= 0)
        mean = total / count.clamp_min(1)
        return mean.index_put(
            (self._index(alone),), functional.embedding(self._index(rows[alone]), self.table)
        )

    def _index(self, rows: np.ndarray) -> Tensor:
        return torch.from_numpy(np.asarray(rows, dtype=np.int64)).to(self.table.device)
