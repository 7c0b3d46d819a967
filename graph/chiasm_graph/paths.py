"""Paths between two nodes: the reason a hit can be shown with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from chiasm_graph.triples import Triples

__all__ = ["Step", "named_path", "shortest_paths"]

#: Node, relation (``>= num_relations`` against its direction), next node.
Step = tuple[int, int, int]


def shortest_paths(graph: Triples, a: int, b: int, max_hops: int, *, limit: int = 10) -> list[list[Step]]:
    """Up to ``limit`` shortest paths from ``a`` to ``b`` of at most ``max_hops`` edges, in a fixed order.

    A breadth-first search from both ends, always from the smaller front, so that a path of length four
    between two rare nodes does not expand a hub.

    Args:
        graph: Where to search; both directions of an edge are walked.
        a: First node.
        b: Last node.
        max_hops: Longest path that counts.
        limit: How many paths to give back.

    Returns:
        Paths as steps ``(node, relation, next node)``; a relation ``>= num_relations`` is walked against
        its direction. Empty when there is none, or when ``a == b``.
    """
    if a == b or max_hops < 1:
        return []
    depth = [{a: 0}, {b: 0}]
    fronts = [np.array([a]), np.array([b])]
    hops = 0
    while not depth[0].keys() & depth[1].keys():
        if hops == max_hops or not all(map(len, fronts)):
            return []
        side = int(len(fronts[1]) < len(fronts[0]))
        _, at = graph.half_edges(fronts[side])
        reached = np.unique(graph.adjacency.neighbour[at])
        fresh = [int(n) for n in reached if int(n) not in depth[side]]
        level = max(depth[side].values()) + 1
        depth[side].update(dict.fromkeys(fresh, level))
        fronts[side] = np.array(fresh, dtype=np.int64)
        hops += 1
    paths: list[list[Step]] = []
    _walk(graph, a, b, hops, depth, [], paths, limit)
    return paths


def _walk(
    graph: Triples,
    node: int,
    goal: int,
    left: int,
    depth: list[dict[int, int]],
    trail: list[Step],
    paths: list[list[Step]],
    limit: int,
) -> None:
    """Collect the paths of exactly ``left`` more edges among the nodes the search has reached."""
    if left == 0:
        if node == goal:
            paths.append(list(trail))
        return
    span = slice(graph.adjacency.indptr[node], graph.adjacency.indptr[node + 1])
    walked = len(trail)
    for there, relation in zip(graph.adjacency.neighbour[span], graph.adjacency.relation[span], strict=True):
        forward, backward = depth[0].get(int(there)), depth[1].get(int(there))
        on_path = forward == walked + 1 or backward == left - 1
        if len(paths) < limit and on_path:
            trail.append((node, int(relation), int(there)))
            _walk(graph, int(there), goal, left - 1, depth, trail, paths, limit)
            trail.pop()


def named_path(path: Sequence[Step], nodes: Sequence[str], relations: Sequence[str]) -> list[str]:
    """A path as words: ``[node, relation, node, ...]``; a relation walked backwards is written ``^name``.

    Args:
        path: Steps from `shortest_paths`.
        nodes: Name of each node, by number.
        relations: Name of each relation, by number, inverses not listed.
    """
    words = [nodes[path[0][0]]] if path else []
    for _, relation, there in path:
        inverse = relation >= len(relations)
        words.append(f"^{relations[relation - len(relations)]}" if inverse else relations[relation])
        words.append(nodes[there])
    return words
