"""The graph for other libraries, and from them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chiasm_graph.errors import GraphFileError, ShapeError
from chiasm_graph.store import DEFAULT_ORIGIN, TableBuilder, TripleTable

if TYPE_CHECKING:
    import networkx

    from chiasm_graph.triples import Triples

__all__ = ["LITERALS", "from_networkx", "to_networkx"]

#: Attribute of a node with its literals: ``[{"predicate", "value"[, "confidence"][, "origin"]}]``.
LITERALS = "literals"
_RELATIONS = ("predicate", "relation", "label")
_DEFAULT_RELATION = "related_to"


def to_networkx(
    graph: Triples | TripleTable,
    *,
    nodes: Sequence[str] | None = None,
    relations: Sequence[str] | None = None,
) -> networkx.MultiDiGraph:
    """The graph as a networkx multigraph; each edge's key and ``predicate`` are its relation.

    Of a table, edges have ``confidence`` and ``origin`` too, and literals are a node's attribute ``literals``:
    `from_networkx` gives an equal table back, but for an edge that is there twice.

    Args:
        graph: What to convert.
        nodes: Name of each node; its own, or its number, otherwise.
        relations: Name of each relation; its own, or its number, otherwise.

    Raises:
        ShapeError: There are more or fewer names than nodes or relations.
    """
    if isinstance(graph, TripleTable):
        return _table_to_networkx(graph)
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


def from_networkx(graph: networkx.Graph) -> TripleTable:
    """A table of a networkx graph of any kind.

    An edge's relation is its ``predicate``, ``relation`` or ``label``, its key in a multigraph if that is text, or
    ``related_to``; of an undirected edge the head is the end that networkx names first. Attributes of nodes are
    literals.

    Raises:
        GraphFileError: Two nodes have one name, a confidence is none, or an attribute is no JSON.
    """
    builder = TableBuilder()
    for node, about in graph.nodes(data=True):
        name = str(node)
        if name in builder.nodes:
            raise GraphFileError("two nodes have one name as text", where=name[:80], remedy="rename one")
        builder.nodes[name]
        for attribute, value in about.items():
            _literals(builder, name, attribute, value)
    edges: Any = graph.edges
    for head, tail, *key, about in edges(keys=True, data=True) if graph.is_multigraph() else edges(data=True):
        named = next((about[name] for name in _RELATIONS if isinstance(about.get(name), str)), None)
        if named is None:
            named = key[0] if key and isinstance(key[0], str) else _DEFAULT_RELATION
        try:
            builder.edge(str(head), named, str(tail), **_about(about))
        except (ValueError, TypeError) as error:
            raise GraphFileError(str(error), where=f"edge {head} {named} {tail}"[:120]) from error
    return builder.finish()


def _table_to_networkx(table: TripleTable) -> networkx.MultiDiGraph:
    import networkx

    result: networkx.MultiDiGraph = networkx.MultiDiGraph()
    result.add_nodes_from(table.nodes)
    for one in table:
        if one.tail is not None:
            result.add_edge(
                one.head,
                one.tail,
                key=one.relation,
                predicate=one.relation,
                confidence=one.confidence,
                origin=one.origin,
            )
            continue
        said: dict[str, Any] = {"predicate": one.relation, "value": one.value}
        said |= {"confidence": one.confidence} if one.confidence != 1.0 else {}
        said |= {"origin": one.origin} if one.origin != DEFAULT_ORIGIN else {}
        result.nodes[one.head].setdefault(LITERALS, []).append(said)
    return result


def _literals(builder: TableBuilder, node: str, attribute: Any, value: Any) -> None:
    try:
        if attribute == LITERALS:
            listed = json.loads(value) if isinstance(value, str) else value
            for said in listed:
                builder.literal(node, said["predicate"], said["value"], **_about(said))
        elif value is not None:
            builder.literal(node, str(attribute), value)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise GraphFileError(
            f"an attribute that cannot be read: {type(error).__name__} {error}"[:200],
            where=f"node {node}, attribute {attribute}"[:120],
            remedy='literals are [{"predicate": ..., "value": ...}], other attributes JSON',
        ) from error


def _about(said: Any) -> dict[str, Any]:
    return {
        "confidence": float(said.get("confidence", 1.0)),
        "origin": str(said.get("origin", DEFAULT_ORIGIN)),
    }
