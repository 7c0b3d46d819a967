"""Where a node stands in its trees, as a vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm_graph.errors import GraphError
from chiasm_graph.features import NodeFeatures
from chiasm_graph.spans import spread
from chiasm_graph.triples import Triples

__all__ = ["Ancestry", "PathCoder"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

#: What an ancestor one step further away counts, and how many steps up are gone.
_DECAY, _STEPS = 0.7, 12


class Ancestry(NamedTuple):
    """Who stands above some nodes; each pair once, by the shortest way, the nearest first."""

    #: (pairs,) place in the nodes asked for, ascending within a step
    owner: Ints
    #: (pairs,)
    ancestor: Ints
    #: (pairs,) from 1
    steps: Ints


class PathCoder:
    r"""A node's path code: the features of its ancestors, :math:`\sum_a .7^{steps(a)} x_a`, of unit length.

    A graph network of two layers sees two steps up; this sees the whole way to the root. It learns no row a node, so
    a new node has a code at once, and the node's own features are not in it, a cycle notwithstanding.

    Args:
        trees: Relations that form hierarchies, and whether heads are the children, as in ``part_of``.
    """

    def __init__(self, trees: Sequence[tuple[int, bool]]) -> None:
        self.trees = tuple((int(relation), bool(upward)) for relation, upward in trees)

    def ancestors(self, graph: Triples, nodes: Ints) -> Ancestry:
        """Ancestors of nodes, ``(nodes,)``, at most 12 steps away.

        Raises:
            GraphError: The graph lacks a relation.
        """
        starts, parents = self._up(graph)
        count = graph.num_nodes
        asked = np.asarray(nodes, dtype=np.int64)
        owner, front = np.arange(len(asked)), asked
        seen = owner * count + front
        found = [(owner[:0], front[:0], owner[:0])]
        for step in range(1, _STEPS + 1):
            at, edge = spread(starts[front], starts[front + 1] - starts[front])
            pairs = np.setdiff1d(owner[at] * count + parents[edge], seen)
            if not len(pairs):
                break
            seen = np.concatenate([seen, pairs])
            owner, front = pairs // count, pairs % count
            found.append((owner, front, np.full(len(owner), step)))
        return Ancestry(*(np.concatenate(part) for part in zip(*found, strict=True)))

    def codes(self, graph: Triples, features: NodeFeatures, nodes: Ints, *, modality: str = "text") -> Floats:
        """Path codes of nodes, ``(nodes, dim)``; NaN where no ancestor has features.

        Args:
            graph: Its relations numbered as those of the trees.
            features: What nodes are known by.
            nodes: ``(nodes,)``.
            modality: Of the features that make the code.
        """
        above = self.ancestors(graph, nodes)
        result = np.full((len(nodes), features.values[modality].shape[1]), np.nan, dtype=np.float32)
        unique, place = np.unique(above.ancestor, return_inverse=True)
        values, there = features.gather(unique)[modality]
        known = there[place]
        owner, weight = above.owner[known], np.float32(_DECAY) ** above.steps[known]
        total = np.zeros_like(result)
        np.add.at(total, owner, weight[:, None].astype(np.float32) * values[place[known]])
        length = np.linalg.norm(total, axis=1)
        some = length > 1e-6
        result[some] = total[some] / length[some, None]
        return result

    def _up(self, graph: Triples) -> tuple[Ints, Ints]:
        """Where the parents of each node begin, ``(nodes + 1,)``, and the parents."""
        children, parents = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for relation, upward in self.trees:
            if not 0 <= relation < graph.num_relations:
                raise GraphError(f"there is no relation {relation}", where="PathCoder")
            rows = graph.rows_of_relation(relation)
            ends = graph.heads[rows], graph.tails[rows]
            children.append(ends[0] if upward else ends[1])
            parents.append(ends[1] if upward else ends[0])
        below, above = np.concatenate(children), np.concatenate(parents)
        order = np.argsort(below, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(below, minlength=graph.num_nodes))])
        return starts.astype(np.int64), above[order]
