"""A supervised target: which class each entity falls into, and who is held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Target"]


@dataclass(frozen=True)
class Target:
    """An attribute or a relation whose values are classes."""

    name: str
    #: "attribute" or "relation"
    kind: str
    #: In the order of their codes; fewer than two and there is nothing to learn
    classes: tuple[str, ...]
    #: (entities,) class, -1 where none is known
    codes: npt.NDArray[np.int64]
    #: (entities,) "train", "valid" or "test"
    split: npt.NDArray[np.object_]
    #: What was left out, or why there is nothing to learn
    note: str = ""

    def known(self, *splits: str) -> npt.NDArray[np.bool_]:
        """Entities with a class that are in the splits, ``(entities,)``."""
        return (self.codes >= 0) & np.isin(self.split, splits)
