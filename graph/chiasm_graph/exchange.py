"""The graph for other libraries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chiasm_graph.errors import ShapeError

if TYPE_CHECKING:
    import networkx

    from chiasm_graph.triples import Triples

__all__ = ["to_networkx"]


def to_networkx(
    graph: Triples, *, nodes: Sequence[str] | None = None, relations: Sequence[str] | None = None
) -> networkx.MultiDiGraph:
    """The graph as a networkx multigraph; each edge's key and ``predicate`` are its relation.

    Args:
        graph: What to convert.
        nodes: Name of each node; its number otherwise.
        relations: Name of each relation; its number otherwise.

    Raises:
        ShapeError: There are more or fewer names than nodes or relations.
    """
    import networkx

    if nodes is not None and len(nodes) != graph.num_nodes:
        raise ShapeError(f"{len(nodes)} names for {graph.num_nodes} nodes", where="to_networkx")
    if relations is not None and len(relations) != graph.num_relations:
        raise ShapeError(f"{len(relations)} names for {graph.num_relations} relations", where="to_networkx")
    result: networkx.MultiDiGraph = networkx.MultiDiGraph()
    result.add_nodes_from(nodes if nodes is not None else range(graph.num_nodes))
    for head, relation, tail in zip(
        graph.heads.tolist(), graph.relations.tolist(), graph.tails.tolist(), strict=True
    ):
        name = relations[relation] if relations is not None else relation
        ends = (nodes[head], nodes[tail]) if nodes is not None else (head, tail)
        result.add_edge(*ends, key=name, predicate=name)
    return result
