"""Edges along which messages go, in the order that operators want."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from chiasm_graph.triples import Triples

__all__ = ["MessageGraph"]


class MessageGraph(NamedTuple):
    """Half-edges sorted by relation; both directions of a triple are there, the inverse in the upper half."""

    #: (edges,) int64, where a message comes from
    sources: Tensor
    #: (edges,) int64, where it goes to
    targets: Tensor
    #: (edges,) int64, ascending
    relations: Tensor
    num_nodes: int

    @classmethod
    def of(cls, triples: Triples) -> MessageGraph:
        """All messages of a graph: each triple tells its tail by its relation, its head by the inverse.

        Self-loops tell nobody anything new: a node hears itself in any case.
        """
        others = triples.heads != triples.tails
        heads, tails, kinds = triples.heads[others], triples.tails[others], triples.relations[others]
        return cls.sorted(
            torch.from_numpy(np.concatenate([heads, tails])),
            torch.from_numpy(np.concatenate([tails, heads])),
            torch.from_numpy(np.concatenate([kinds, kinds + triples.num_relations])),
            triples.num_nodes,
        )

    @classmethod
    def sorted(cls, sources: Tensor, targets: Tensor, relations: Tensor, num_nodes: int) -> MessageGraph:
        """Put edges, ``(edges,)`` each, into order."""
        order = torch.argsort(relations, stable=True)
        return cls(sources[order], targets[order], relations[order], num_nodes)

    def dropped(self, share: float) -> MessageGraph:
        """Without a random share of the edges, drawn by torch's own generator."""
        keep = torch.rand(len(self.sources), device=self.sources.device) >= share
        return MessageGraph(self.sources[keep], self.targets[keep], self.relations[keep], self.num_nodes)

    def to(self, device: torch.device) -> MessageGraph:
        """On a device."""
        return MessageGraph(
            self.sources.to(device), self.targets.to(device), self.relations.to(device), self.num_nodes
        )
