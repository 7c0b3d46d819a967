"""Message-passing operators, one a file."""

from chiasm_graph.convs.composition_conv import CompositionConv

__all__ = ["CompositionConv"]
