"""What teaches a student: the text vectors and the graph neighbours of the entities that own the items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chiasm_encoders.errors import SupervisionError

__all__ = ["Supervision"]


@dataclass(frozen=True, eq=False)
class Supervision:
    """Teaching data for `items` pictures or sounds of `entities` entities.

    Raises:
        SupervisionError: the arrays do not fit each other.
    """

    #: `(items,)` int64: row of the entity that owns the item.
    owner: npt.NDArray[np.int64]
    #: `(entities, text_dim)` float32 unit vectors of the text teacher, NaN rows where an entity has no text;
    #: or None.
    targets: npt.NDArray[np.float32] | None
    #: Graph objects of each entity in CSR form: `(entities + 1,)` offsets and node rows.
    neighbours: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
    #: `(items,)` bool: items that may be trained on.
    train: npt.NDArray[np.bool_]
    #: `(items,)` bool: items that early decisions may look at.
    valid: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        items, entities = len(self.owner), len(self.neighbours[0]) - 1
        if len(self.train) != items or len(self.valid) != items:
            raise SupervisionError(
                f"{items} owners, {len(self.train)} train flags, {len(self.valid)} valid flags"
            )
        if items and not 0 <= int(self.owner.min()) <= int(self.owner.max()) < entities:
            raise SupervisionError(f"an owner is none of the {entities} entities of the neighbour lists")
        if self.targets is not None and len(self.targets) != entities:
            raise SupervisionError(f"{len(self.targets)} text vectors for {entities} entities")
        if entities < 0 or int(self.neighbours[0][-1]) != len(self.neighbours[1]):
            raise SupervisionError("the neighbour offsets do not end at the number of neighbours")
        if not self.train.any():
            raise SupervisionError("no item to train on", remedy="add items, or flag some of them as train")

    @property
    def items(self) -> npt.NDArray[np.int64]:
        """Positions of the items that are trained on."""
        return np.flatnonzero(self.train)

    def neighbours_of(self, entity: int) -> npt.NDArray[np.int64]:
        """Node rows that an entity is linked to, each once."""
        offsets, nodes = self.neighbours
        return np.unique(nodes[offsets[entity] : offsets[entity + 1]])
