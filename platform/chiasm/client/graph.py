"""The knowledge graph of a knowledge base."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chiasm.client.protocol import Backend, JsonDict
from chiasm.client.reasoning import Reasoned

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["Graph"]


class Graph(Reasoned):
    """Statements between entities, whole or around one of them."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __iter__(self) -> Iterator[JsonDict]:
        return self._backend.triples()

    def around(self, key: str, *, hops: int = 1, limit: int = 1000) -> JsonDict:
        """Edges and nodes within `hops` of an entity."""
        return self._backend.neighbours(key, hops=hops, limit=limit)

    def paths(self, key: str, to: str, *, max_hops: int = 4, limit: int = 5) -> list[list[str]]:
        """Shortest paths between two entities, each as `[key, predicate, key, ...]`.

        A predicate that is walked against its direction starts with `^`.
        """
        return self._backend.graph_paths(key, to, max_hops=max_hops, limit=limit)

    def to_networkx(self, *, literals: bool = False) -> nx.MultiDiGraph:
        """All statements as a networkx graph; edges are keyed by predicate.

        Args:
            literals: Whether literal values become node attributes.
        """
        import networkx as nx

        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        for row in self._backend.triples():
            graph.add_node(row["subject"], title=row["subject_title"], domain=row["subject_domain"])
            if row["object"] is not None:
                graph.add_node(row["object"], title=row["object_title"], domain=row["object_domain"])
                graph.add_edge(
                    row["subject"],
                    row["object"],
                    key=row["predicate"],
                    origin=row["origin"],
                    confidence=row["confidence"],
                )
            elif literals:
                graph.nodes[row["subject"]][row["predicate"]] = row["value"]
        return graph
