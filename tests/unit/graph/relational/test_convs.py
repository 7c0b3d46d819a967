import numpy as np
import pytest
import torch

from chiasm_graph.convs import pyg
from chiasm_graph.errors import GraphError
from chiasm_graph.features import NodeFeatures
from chiasm_graph.relational import MessageGraph, NodeInput, build_conv, conv_names
from chiasm_graph.relational.compgcn_conv import CompgcnConv
from chiasm_graph.relational.hgt_conv import HgtConv
from chiasm_graph.relational.rgat_conv import RgatConv
from chiasm_graph.relational.rgcn_conv import RgcnConv
from chiasm_graph.testing.relational_contract import DIM, NODES, RELATIONS, RelationalConvContract, some_graph


class TestCompgcn(RelationalConvContract):
    implementation = CompgcnConv


class TestHgt(RelationalConvContract):
    implementation = HgtConv


class TestRgat(RelationalConvContract):
    implementation = RgatConv


class TestRgcn(RelationalConvContract):
    implementation = RgcnConv


def test_each_operator_is_held_to_the_contract():
    tested = {case.implementation for case in RelationalConvContract.__subclasses__()}
    assert {type(build_conv(name, DIM, RELATIONS, bases=2, heads=2)) for name in conv_names()} == tested


def test_what_cannot_be_built_is_refused():
    with pytest.raises(GraphError, match="use one of compgcn, hgt, rgat, rgcn"):
        build_conv("gcn", DIM, RELATIONS, bases=2, heads=2)
    with pytest.raises(GraphError, match="3 heads do not divide 8"):
        build_conv("hgt", DIM, RELATIONS, bases=2, heads=3)


def edges_of(graph: MessageGraph):
    return list(zip(graph.sources.tolist(), graph.targets.tolist(), graph.relations.tolist(), strict=True))


def vectors():
    return RelationalConvContract().vectors()


def test_rgcn_is_the_papers_sum():
    torch.manual_seed(0)
    conv, (nodes, relations), graph = RgcnConv(DIM, RELATIONS, 2, 1), vectors(), MessageGraph.of(some_graph())
    inner = conv.inner
    weight = torch.einsum("rb,bio->rio", inner.comp, inner.weight)
    wanted = nodes @ inner.root + inner.bias
    for target in range(NODES):
        for relation in range(2 * RELATIONS):
            mine = [s for s, t, r in edges_of(graph) if (t, r) == (target, relation)]
            if mine:
                wanted[target] = wanted[target] + nodes[mine].mean(0) @ weight[relation]
    torch.testing.assert_close(conv(nodes, relations, graph)[0], wanted)


def test_compgcn_is_the_papers_sum():
    torch.manual_seed(0)
    conv, (nodes, relations), graph = (
        CompgcnConv(DIM, RELATIONS, 1, 1),
        vectors(),
        MessageGraph.of(some_graph()),
    )
    rows = []
    for target in range(NODES):
        total = conv.own(nodes[target] * conv.loop)
        for linear, inverse in ((conv.incoming, False), (conv.outgoing, True)):
            mine = [
                nodes[s] * relations[r]
                for s, t, r in edges_of(graph)
                if t == target and (r >= RELATIONS) == inverse
            ]
            total = total + (linear(torch.stack(mine)).mean(0) if mine else 0)
        rows.append(total / 3)
    found, changed = conv(nodes, relations, graph)
    torch.testing.assert_close(found, torch.stack(rows))
    torch.testing.assert_close(changed, conv.of_relations(relations))


def test_hgt_is_pygs():
    torch.manual_seed(0)
    conv, (nodes, relations), graph = HgtConv(DIM, RELATIONS, 1, 2), vectors(), MessageGraph.of(some_graph())
    kinds = [("n", f"r{number}", "n") for number in range(2 * RELATIONS)]
    other = pyg._nn.HGTConv(DIM, DIM, (["n"], kinds), heads=2)
    with torch.no_grad():
        conv.prior.uniform_(0.5, 1.5)
        conv.skip.fill_(0.3)
        other.skip["n"].fill_(0.3)
        other.kqv_lin.lins["n"].weight.copy_(conv.projection.weight)
        other.kqv_lin.lins["n"].bias.copy_(conv.projection.bias)
        other.out_lin.lins["n"].weight.copy_(conv.out.weight)
        other.out_lin.lins["n"].bias.copy_(conv.out.bias)
        for mine, its in ((conv.keys, other.k_rel), (conv.values, other.v_rel)):
            # PyG counts the types of a head together.
            its.weight.copy_(mine.transpose(0, 1).reshape(-1, DIM // 2, DIM // 2))
        for number, kind in enumerate(kinds):
            other.p_rel["__".join(kind)].copy_(conv.prior[number : number + 1])
    ends = torch.stack([graph.sources, graph.targets])
    by_kind = {kind: ends[:, graph.relations == number] for number, kind in enumerate(kinds)}
    torch.testing.assert_close(conv(nodes, relations, graph)[0], other({"n": nodes}, by_kind)["n"])


def test_rgat_is_pygs():
    torch.manual_seed(0)
    conv, (nodes, relations), graph = RgatConv(DIM, RELATIONS, 2, 1), vectors(), MessageGraph.of(some_graph())
    other = pyg._nn.RGATConv(DIM, DIM, 2 * RELATIONS, num_bases=2)
    with torch.no_grad():
        other.basis.copy_(conv.basis)
        other.att.copy_(conv.mixture)
        other.q.copy_(conv.query.T)
        other.k.copy_(conv.key.T)
        other.bias.copy_(conv.own.bias)
    ends = torch.stack([graph.sources, graph.targets])
    wanted = other(nodes, ends, graph.relations) + nodes @ conv.own.weight.T
    torch.testing.assert_close(conv(nodes, relations, graph)[0], wanted)


def test_rows_are_learned_only_where_nothing_is_known():
    present = np.array([True, False, True, False])
    picture = np.array([True, False, False, False])
    features = NodeFeatures(
        {"text": np.eye(4, 5, dtype=np.float32), "image": np.ones((4, 3), dtype=np.float16)},
        {"text": present, "image": picture},
    )
    inputs = NodeInput(4, DIM, features)
    assert inputs.table.shape == (2, DIM)
    inputs.reset(1.0, torch.Generator().manual_seed(0))
    found = inputs()
    torch.testing.assert_close(found[[1, 3]], inputs.table)
    torch.testing.assert_close(found[2], inputs.projections["text"].weight[:, 2])
    both = inputs.projections["text"].weight[:, 0] + inputs.projections["image"].weight.sum(1) / 3**0.5
    torch.testing.assert_close(found[0], both / 2)
    torch.testing.assert_close(inputs(np.array([3, 0])), found[[3, 0]])
    found.sum().backward()
    assert all(parameter.grad is not None for parameter in inputs.parameters())
    with pytest.raises(GraphError, match="features of 4 nodes, not 5"):
        NodeInput(5, DIM, features)
