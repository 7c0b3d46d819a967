"""From one pooled feature to the parts of a student's vector."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["PartHeads", "PartSizes", "Parts"]


class Parts(NamedTuple):
    """Parts of a student's vector, each with unit rows; a part that is not trained has no columns."""

    #: `(batch, text_dim)`: where the text teacher would place a description of the item.
    text: Tensor
    #: `(batch, graph_dim)`: near the prototypes of the graph nodes that its entity is linked to.
    graph: Tensor
    #: `(batch, instance_dim)`: equal for two views of one item, different for two items.
    instance: Tensor
    #: `(batch, pair_dim)`: near for items of one entity, also those of the other modality.
    pair: Tensor


class PartSizes(NamedTuple):
    """Columns of each part; 0 for one that is not trained."""

    text: int
    graph: int
    instance: int
    pair: int


class _NoPart(nn.Module):
    """`(batch, features)` to `(batch, 0)`; an empty `nn.Linear` warns when it is initialised."""

    def forward(self, features: Tensor) -> Tensor:
        """No columns."""
        return features[:, :0]


class PartHeads(nn.Module):
    """One linear head a part, and the prototypes of the graph nodes.

    Args:
        features: Length of the pooled feature.
        text_dim: Dimension of the text teacher; 0 without text.
        graph_dim: Dimension of the graph part.
        labels: Number of graph nodes that supervise; 0 without a graph, and then there is no graph part.
        instance_dim: Dimension of the instance part; 0 for none.
        pair_dim: Dimension of the pair part; 0 for none.
        dropout: Share of features hidden from the heads while training.
    """

    def __init__(
        self,
        features: int,
        *,
        text_dim: int,
        graph_dim: int,
        labels: int,
        instance_dim: int,
        dropout: float,
        pair_dim: int = 0,
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.dropout = nn.Dropout(dropout)
        #: Columns of each part.
        self.sizes = PartSizes(text_dim, graph_dim if labels else 0, instance_dim, pair_dim)
        self.text, self.graph, self.instance, self.pair = (
            nn.Linear(features, size) if size else _NoPart() for size in self.sizes
        )
        self.prototypes = nn.Parameter(torch.randn(labels, self.sizes.graph))
        self.label_bias = nn.Parameter(torch.zeros(labels))

    def forward(self, features: Tensor) -> Parts:
        """Parts for pooled features `(batch, features)`."""
        hidden = self.dropout(self.norm(features))
        heads = (self.text, self.graph, self.instance, self.pair)
        return Parts(*(functional.normalize(head(hidden), dim=1) for head in heads))

    def label_logits(self, graph: Tensor, temperature: float) -> Tensor:
        """Logit of each supervising graph node, `(batch, labels)`, for graph parts `(batch, graph_dim)`."""
        return graph @ functional.normalize(self.prototypes, dim=1).T / temperature + self.label_bias
