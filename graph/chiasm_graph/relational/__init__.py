"""Graph networks over all relations that give every entity a vector: what link prediction may put before a scorer."""

from chiasm_graph.relational.encoder import RelationalEncoder
from chiasm_graph.relational.message_graph import MessageGraph
from chiasm_graph.relational.node_input import NodeInput
from chiasm_graph.relational.registry import build_conv, conv_names
from chiasm_graph.relational.relational_conv import RelationalConv

__all__ = ["MessageGraph", "NodeInput", "RelationalConv", "RelationalEncoder", "build_conv", "conv_names"]
