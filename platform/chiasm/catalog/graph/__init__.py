"""A workspace's statements as columns, in step with SQL and kept on disk."""

from chiasm.catalog.graph.kept import current_graph, graph_folder, keep_graph
from chiasm.catalog.graph.statements import CatalogGraph, follow_graph, load_graph

__all__ = ["CatalogGraph", "current_graph", "follow_graph", "graph_folder", "keep_graph", "load_graph"]
