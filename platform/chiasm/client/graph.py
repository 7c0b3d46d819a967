"""The knowledge graph of a knowledge base."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from chiasm.client.parts import query_parts
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
        found = self._backend.graph_paths(key, to, max_hops=max_hops, limit=limit, by="length")
        return list(found["paths"])

    def informative_paths(self, key: str, to: str, *, max_hops: int = 4, limit: int = 5) -> JsonDict:
        """Paths that say the most: `{"paths": [[key, predicate, key, ...]], "information": [bits], "complete", ...}`.

        A path says much whose predicates are rare and that passes entities with few edges: the mean over its steps of
        `log2(statements / statements of the predicate)`, less `log2(edges)` of each entity passed. A path over a hub
        of a million edges loses 20 bits. The order is exact unless `complete` is false.

        Raises:
            NotFoundError: There is no such entity.
            UsageError: `max_hops` is not in 1..6.
        """
        return self._backend.graph_paths(key, to, max_hops=max_hops, limit=limit, by="information")

    def near(self, key: str, *, hops: int = 2, limit: int = 20, into: str | None = None) -> JsonDict:
        """What stands around an entity, as `{"entities": [{"key", "title", "domain", "hops", "information"}], "total"}`.

        The nearest first; of equally near ones those first to which a shortest path says the most, in the bits of
        `informative_paths`.

        Args:
            key: Of the entity.
            hops: Edges away at most, 1 to 6.
            limit: How many at most.
            into: Domain that they are of.

        Raises:
            NotFoundError: There is no such entity or domain.
            UsageError: `hops` is out of range.
        """
        return self._backend.graph_near(key, hops=hops, limit=limit, into=into)

    def link(
        self, mention: str | None = None, *, image: Any = None, k: int = 5, into: str | None = None
    ) -> JsonDict:
        """Entities that a mention may mean: `{"candidates": [{"rank", "key", "title", "score", "by", ...}], ...}`.

        Names count first: titles, keys, further names and short texts, but for case, accents, missing words and
        letters; where none fits well, the text encoder is asked. Equal scores have equal ranks, and `tied_beyond`
        says how many more have the last one's score.

        Args:
            mention: Words that name something.
            image: Or a picture of it: path, bytes of a file, PIL image, or uint8 array (height, width, 3).
            k: How many candidates.
            into: Domain of the candidates.

        Raises:
            UsageError: There is neither, or both.
            NotFoundError: There is no such domain.
        """
        pictures = query_parts(positive={"image": image}, needed=False)
        return self._backend.link(mention=mention, image=pictures[0] if pictures else None, k=k, into=into)

    def trees(self, declared: Sequence[str] = ()) -> list[JsonDict]:
        """Predicates that form hierarchies, with their figures and cycles.

        Recognised are those of which nearly every child has one parent, nearly no edge is in a cycle, and which are
        two levels deep or more; `^` stands before one whose objects are the children.

        Args:
            declared: Predicates that are hierarchies whatever they look like.
        """
        return list(self._backend.trees(declared=declared)["trees"])

    def ancestors(self, key: str, *, predicate: str | None = None, limit: int = 1000) -> list[JsonDict]:
        """Entities above one, the nearest first, as `{"key", "title", "predicate", "steps"}`.

        Args:
            key: Of the entity.
            predicate: The hierarchy, with `^` if its objects are the children; default every one recognised.
            limit: How many at most.

        Raises:
            NotFoundError: There is no such entity or predicate.
            UsageError: None is named, and none looks like a hierarchy.
        """
        found = self._backend.walk_tree(key, below=False, predicate=predicate, limit=limit)
        return list(found["entities"])

    def subtree(self, key: str, *, predicate: str | None = None, limit: int = 1000) -> list[JsonDict]:
        """Entities below one, as `ancestors`; `kb.search(near=key, path="^part_of+")` searches among them."""
        found = self._backend.walk_tree(key, below=True, predicate=predicate, limit=limit)
        return list(found["entities"])

    def common_ancestors(self, one: str, other: str, *, predicate: str | None = None) -> list[JsonDict]:
        """The nearest entities above both of two; as `ancestors`."""
        return list(self._backend.common_ancestors(one, other, predicate=predicate)["entities"])

    def check(self, *, kind: str | None = None, limit: int = 100) -> JsonDict:
        """What is wrong: `{"counts", "flaws": [{"kind", "what", "confidence", "statements"}], "total"}`.

        Args:
            kind: several_values, both_ways, self_loop, cycle, duplicate or dangling; default all.
            limit: How many flaws at most, the surest first.
        """
        return self._backend.check_graph(kind=kind, limit=limit)

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
