"""An inductive relational GNN whose vector for a node comes from its neighbours only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from chiasm_graph.convs.composition_conv import CompositionConv
from chiasm_graph.features import NodeFeatures
from chiasm_graph.sampler import Trees
from chiasm_graph.triples import Triples

__all__ = ["NeighbourGnn"]


class NeighbourGnn(nn.Module):
    """Graph tokens: what a node's sampled tree says about it, its own features unread.

    A node starts as the mean of its modalities' projections plus one vector for each modality it has; a node
    without any starts as a vector of its own kind. Where the seed comes back in its own tree it is a mask
    vector.
    Nothing is learned per node, so a new node has a token as soon as it has an edge.

    Args:
        projections: One linear map a modality, into ``dim``.
        convs: One layer a hop, the outermost first.
        dim: Width of the token.
    """

    def __init__(self, projections: nn.ModuleDict, convs: nn.ModuleList, dim: int) -> None:
        super().__init__()
        self.projections = projections
        self.convs = convs
        self.dim = dim
        self.available = nn.ParameterDict({m: nn.Parameter(torch.zeros(dim)) for m in projections})
        # Not zero: a token of nothing but such nodes is normalised later.
        self.empty = nn.Parameter(0.02 * torch.randn(dim))
        self.mask = nn.Parameter(0.02 * torch.randn(dim))
        #: Share of a node's own features that stays beside what its outer neighbours add.
        self.stay = nn.Parameter(torch.full((max(0, len(convs) - 1),), 2.0))

    @classmethod
    def build(
        cls, feature_dims: Mapping[str, int], num_relations: int, *, dim: int, layers: int, dropout: float
    ) -> NeighbourGnn:
        """A GNN with fresh weights."""
        projections = nn.ModuleDict(
            {m: nn.Linear(width, dim, bias=False) for m, width in sorted(feature_dims.items())}
        )
        convs = nn.ModuleList([CompositionConv(dim, num_relations, dropout) for _ in range(layers)])
        return cls(projections, convs, dim)

    def base(self, features: NodeFeatures, nodes: npt.NDArray[np.int64]) -> Tensor:
        """Vectors of nodes before any message, ``(n, dim)``."""
        device = self.mask.device
        total = torch.zeros(len(nodes), self.dim, device=device)
        count = torch.zeros(len(nodes), 1, device=device)
        extra = torch.zeros_like(total)
        for modality, (values, present) in features.gather(nodes).items():
            if modality in self.projections:
                there = torch.from_numpy(present).to(device).unsqueeze(-1)
                projected = functional.normalize(
                    cast(Tensor, self.projections[modality](torch.from_numpy(values).to(device))), dim=-1
                )
                total = total + projected * there
                extra = extra + self.available[modality] * there
                count = count + there
        return torch.where(count > 0, total / count.clamp_min(1) + extra, self.empty)

    def forward(self, trees: Trees, features: NodeFeatures, log_degrees: Tensor) -> Tensor:
        """Tokens of the seeds.

        Args:
            trees: A batch of sampled trees with as many hops as there are layers.
            features: What is known about nodes; only those of ``trees.nodes()`` are read.
            log_degrees: ``log(1 + degree)`` of every node of the graph, ``(nodes,)``.

        Returns:
            ``(seeds, dim)``; zero rows for seeds without a neighbour.
        """
        device = self.mask.device
        nodes = trees.nodes()
        known = self.base(features, nodes)
        table = torch.cat([known, self.mask.unsqueeze(0)])
        outer: Tensor | None = None
        for depth in range(len(trees.hops) - 1, -1, -1):
            hop = trees.hops[depth]
            at = np.where(hop.masked, len(nodes), np.searchsorted(nodes, hop.nodes))
            state = table[torch.from_numpy(at).to(device)]
            if outer is not None:
                stay = torch.sigmoid(self.stay[depth])
                arrived = (outer.abs().sum(-1, keepdim=True) > 0) & ~torch.from_numpy(hop.masked).to(device)[
                    :, None
                ]
                state = torch.where(arrived, stay * state + (1 - stay) * outer, state)
            size = len(trees.hops[depth - 1].nodes) if depth else len(trees.seeds)
            outer = cast(
                Tensor,
                self.convs[len(trees.hops) - 1 - depth](
                    state,
                    torch.from_numpy(hop.parents).to(device),
                    torch.from_numpy(hop.relations).to(device),
                    log_degrees[torch.from_numpy(hop.nodes).to(device)],
                    size,
                ),
            )
        assert outer is not None
        return outer

    @staticmethod
    def log_degrees(graph: Triples) -> Tensor:
        """``log(1 + degree)`` of every node, ``(nodes,)``."""
        return torch.from_numpy(np.log1p(graph.degrees()).astype(np.float32))
