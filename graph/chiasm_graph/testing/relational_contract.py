"""What every relational operator must do, as tests to inherit."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from chiasm_graph.relational import MessageGraph, NodeInput, RelationalConv, RelationalEncoder
from chiasm_graph.triples import Triples

__all__ = ["RelationalConvContract", "some_graph"]

NODES, RELATIONS, DIM = 9, 3, 8


def some_graph(seed: int = 0) -> Triples:
    """Nine nodes, of which the last has no edge; 20 triples, with loops and repeated pairs."""
    generator = np.random.default_rng(seed)
    heads, tails = generator.integers(0, NODES - 1, (2, 20))
    kinds = generator.integers(0, RELATIONS, 20)
    return Triples(heads, kinds, tails, num_nodes=NODES, num_relations=RELATIONS)


class RelationalConvContract:
    """Subclass it as `TestMyConv` and name the class."""

    #: The class under test; a plugin's own test suite names its own.
    implementation: type[RelationalConv] | None = None

    def conv(self, seed: int = 0) -> RelationalConv:
        """A fresh operator of 3 relations over 8 coordinates."""
        assert self.implementation is not None
        torch.manual_seed(seed)
        return self.implementation(DIM, RELATIONS, 2, 2)

    def vectors(self) -> tuple[Tensor, Tensor]:
        """Of nodes and of relations."""
        generator = torch.Generator().manual_seed(1)
        return torch.randn(NODES, DIM, generator=generator), torch.randn(
            2 * RELATIONS, DIM, generator=generator
        )

    def test_shapes_and_gradients(self) -> None:
        """All is as wide as before, and every parameter learns, that of relations where these change."""
        conv, (nodes, relations) = self.conv(), self.vectors()
        found, changed = conv(nodes, relations, MessageGraph.of(some_graph()))
        assert found.shape == nodes.shape and changed.shape == relations.shape
        (found.square().sum() + changed.square().sum()).backward()
        for name, parameter in conv.named_parameters():
            assert parameter.grad is not None and bool(torch.isfinite(parameter.grad).all()), name
            assert float(parameter.grad.abs().sum()) > 0, name

    def test_the_order_of_edges_does_not_matter(self) -> None:
        """Only the graph does."""
        conv, (nodes, relations), graph = self.conv(), self.vectors(), some_graph()
        order = np.random.default_rng(2).permutation(len(graph))
        mixed = Triples(
            graph.heads[order],
            graph.relations[order],
            graph.tails[order],
            num_nodes=NODES,
            num_relations=RELATIONS,
        )
        one, other = (conv(nodes, relations, MessageGraph.of(g))[0] for g in (graph, mixed))
        torch.testing.assert_close(one, other)

    def test_numbers_of_nodes_do_not_matter(self) -> None:
        """Renumbered nodes have the same vectors under their new numbers."""
        conv, (nodes, relations), graph = self.conv(), self.vectors(), some_graph()
        new = np.random.default_rng(3).permutation(NODES)
        turned = Triples(
            new[graph.heads], graph.relations, new[graph.tails], num_nodes=NODES, num_relations=RELATIONS
        )
        place = torch.from_numpy(new)
        moved = torch.empty_like(nodes).index_copy(0, place, nodes)
        one = conv(nodes, relations, MessageGraph.of(graph))[0]
        torch.testing.assert_close(conv(moved, relations, MessageGraph.of(turned))[0][place], one)

    def test_nothing_is_heard_from_afar(self) -> None:
        """A node's vector depends on its neighbours' and on nobody else's; a lonely one's on its own."""
        conv, (nodes, relations), graph = self.conv(), self.vectors(), some_graph()
        before = conv(nodes, relations, MessageGraph.of(graph))[0]
        for node in range(NODES):
            changed = nodes.clone()
            changed[node] += 1.0
            moved = (conv(changed, relations, MessageGraph.of(graph))[0] - before).abs().sum(-1) > 1e-6
            assert set(torch.nonzero(moved).flatten().tolist()) <= {node, *graph.neighbours(node).tolist()}

    def test_relation_and_direction_are_told_apart(self) -> None:
        """The same neighbour over another relation, or the other way round, says something else."""
        conv, (nodes, relations) = self.conv(), self.vectors()
        graphs = [([0], [0], [1]), ([0], [1], [1]), ([1], [0], [0])]
        found = [
            conv(nodes, relations, MessageGraph.of(Triples(*g, num_nodes=NODES, num_relations=RELATIONS)))[0]
            for g in graphs
        ]
        assert not torch.allclose(found[0], found[1]) and not torch.allclose(found[0], found[2])

    def test_samples_of_everything_are_the_whole(self) -> None:
        """With fan-outs that no node exceeds, mini-batches give what the whole graph gives; bfloat16 about that."""
        graph, inputs = some_graph(), NodeInput(NODES, DIM)
        inputs.reset(1.0, torch.Generator().manual_seed(4))
        convs = nn.ModuleList([self.conv(seed) for seed in (5, 6)])
        whole = RelationalEncoder(inputs, convs, graph)()
        torch.testing.assert_close(RelationalEncoder(inputs, convs, graph, fanout=(50, -1))(), whole)
        sampled = RelationalEncoder(inputs, convs, graph, fanout=(50, 50))
        some = np.array([4, 8, 4, 0])
        torch.testing.assert_close(sampled.around(some, np.random.default_rng(0), train=False), whole[some])
        half = RelationalEncoder(inputs, convs, graph, mixed=True)()
        assert half.dtype == torch.float32 and not torch.equal(half, whole)
        torch.testing.assert_close(half, whole, atol=0.15, rtol=0.1)
