"""What is known about nodes before any message is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chiasm_graph.errors import ShapeError

__all__ = ["NodeFeatures", "pool"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class NodeFeatures:
    """One vector a modality a node, and which are there.

    The arrays may be memory-mapped: only the rows of the nodes in a sampled tree are ever read.

    Args:
        values: Modality to ``(nodes, dim)``, any float type; rows of nodes that lack it are not read.
        present: Modality to ``(nodes,)`` bool.

    Raises:
        ShapeError: Arrays disagree on the number of nodes.
    """

    values: Mapping[str, Floats]
    present: Mapping[str, Bools]

    def __post_init__(self) -> None:
        sizes = {len(a) for a in self.values.values()} | {len(a) for a in self.present.values()}
        if len(sizes) > 1 or self.values.keys() != self.present.keys():
            raise ShapeError("modalities disagree on the nodes they describe", where="NodeFeatures")

    def __deepcopy__(self, memo: object) -> NodeFeatures:
        """Itself: nobody writes to it, and a model that holds it is copied as often as its weights are averaged."""
        return self

    @property
    def modalities(self) -> tuple[str, ...]:
        """In alphabetical order."""
        return tuple(sorted(self.values))

    def gather(self, nodes: Ints) -> dict[str, tuple[npt.NDArray[np.float32], Bools]]:
        """Rows of some nodes: modality to ``(n, dim)`` float32, zero where absent, and ``(n,)`` bool."""
        rows = {}
        for modality in self.modalities:
            there = np.asarray(self.present[modality])[nodes]
            values = np.asarray(self.values[modality][nodes], dtype=np.float32)
            rows[modality] = (np.where(there[:, None], values, np.float32(0)), there)
        return rows


def pool(features: Floats, owner: Ints, num_nodes: int) -> tuple[npt.NDArray[np.float32], Bools]:
    """Mean of each node's vectors, normalised.

    Args:
        features: ``(items, dim)``, any float type.
        owner: Node of each item, ``(items,)``.
        num_nodes: How many nodes there are.

    Returns:
        ``(nodes, dim)`` float32, zero where a node has no item; ``(nodes,)`` bool.
    """
    total = np.zeros((num_nodes, features.shape[1]), dtype=np.float32)
    np.add.at(total, owner, np.asarray(features, dtype=np.float32))
    length = np.linalg.norm(total, axis=1, keepdims=True)
    present = np.bincount(owner, minlength=num_nodes) > 0
    return total / np.maximum(length, 1e-12), present
