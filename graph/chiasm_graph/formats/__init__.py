"""Files of other tools: N-Triples, Turtle, RDF/XML, TSV, CSV, GraphML and node-link JSON."""

from chiasm_graph.formats.registry import graph_suffixes, read_graph, write_graph

__all__ = ["graph_suffixes", "read_graph", "write_graph"]
