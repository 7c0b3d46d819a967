"""Layers of one relational operator over what is known of the nodes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from chiasm_graph.neighbour_sampler import NeighbourSampler
from chiasm_graph.relational.message_graph import MessageGraph
from chiasm_graph.relational.node_input import NodeInput
from chiasm_graph.relational.registry import build_conv
from chiasm_graph.triples import Triples

__all__ = ["RelationalEncoder"]

#: Nodes whose sampled neighbourhoods are encoded at a time where all are asked for.
_CHUNK = 4096


class RelationalEncoder(nn.Module):
    """``x + dropout(relu(conv(x)))`` a layer, without relu in the last: vectors of entities from all relations.

    The sum keeps a node's own vector, which link prediction lives of; the literature's layers have no such path.

    Args:
        inputs: Vectors before any message.
        convs: One operator a layer.
        graph: Triples along which messages go: those that are trained on, no others.
        dropout: Share of a layer's output hidden in training.
        edge_dropout: Share of the edges hidden in a training step, so that an edge is not told by itself alone.
        fanout: Half-edges followed from a node by layer; empty: the whole graph at once.
        mixed: Compute in bfloat16 where that is safe, as `torch.autocast` has it.
    """

    def __init__(
        self,
        inputs: NodeInput,
        convs: nn.ModuleList,
        graph: Triples,
        *,
        dropout: float = 0.0,
        edge_dropout: float = 0.0,
        fanout: tuple[int, ...] = (),
        mixed: bool = False,
    ) -> None:
        super().__init__()
        self.inputs, self.convs = inputs, convs
        self.dropout, self.edge_dropout, self.mixed = dropout, edge_dropout, mixed
        self.relation_vectors = nn.Parameter(torch.ones(2 * graph.num_relations, inputs.dim))
        self._sampler = NeighbourSampler(graph, fanout) if fanout else None
        self._whole = None if fanout else MessageGraph.of(graph)

    @classmethod
    def build(
        cls,
        name: str,
        inputs: NodeInput,
        graph: Triples,
        *,
        layers: int,
        bases: int,
        heads: int,
        **options: object,
    ) -> RelationalEncoder:
        """An encoder of fresh operators, see `chiasm_graph.relational.conv_names`."""
        convs = [
            build_conv(name, inputs.dim, graph.num_relations, bases=bases, heads=heads) for _ in range(layers)
        ]
        return cls(inputs, nn.ModuleList(convs), graph, **options)  # type: ignore[arg-type]

    @property
    def sampled(self) -> bool:
        """Whether neighbourhoods are sampled, as all entities at once are too many."""
        return self._sampler is not None

    def forward(self, *, train: bool = False) -> Tensor:
        """Vectors of all entities, ``(nodes, dim)``."""
        if self._whole is not None:
            return self._layers(self.inputs(), self._whole.to(self.relation_vectors.device), train)
        # The same sample each time, so that the same weights are judged alike.
        generator = np.random.default_rng(0)
        nodes = np.arange(self.inputs.num_nodes)
        parts = [
            self.around(nodes[at : at + _CHUNK], generator, train=train)
            for at in range(0, len(nodes), _CHUNK)
        ]
        return torch.cat(parts)

    def around(self, nodes: np.ndarray, generator: np.random.Generator, *, train: bool = True) -> Tensor:
        """Vectors of some entities from their sampled neighbourhoods, ``(n, dim)``."""
        assert self._sampler is not None
        found = self._sampler.sample(nodes, generator)
        device = self.relation_vectors.device
        # A message over a relation as it is read from its target is one of the inverse.
        kinds = (found.relations + len(self.relation_vectors) // 2) % len(self.relation_vectors)
        sources, targets, relations = (
            torch.from_numpy(one).to(device) for one in (found.sources, found.targets, kinds)
        )
        graph = MessageGraph.sorted(sources, targets, relations, len(found.nodes))
        vectors = self._layers(self.inputs(found.nodes), graph, train)
        return vectors[torch.from_numpy(found.seeds).to(device)]

    def _layers(self, nodes: Tensor, graph: MessageGraph, train: bool) -> Tensor:
        if train and self.edge_dropout:
            graph = graph.dropped(self.edge_dropout)
        relations = self.relation_vectors
        with torch.autocast(nodes.device.type, torch.bfloat16, enabled=self.mixed):
            for number, conv in enumerate(self.convs, start=1):
                changed, relations = conv(nodes, relations, graph)
                if number < len(self.convs):
                    changed = functional.relu(changed)
                nodes = nodes + functional.dropout(changed.float(), self.dropout, train)
        return nodes
