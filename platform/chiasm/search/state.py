"""What a query is answered from: one release, its spaces and a replica of the catalog, all of one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import select

from chiasm.catalog import Catalog
from chiasm.catalog.filters import Filter
from chiasm.catalog.models import Entity
from chiasm.search.attributes import AttributeColumn, attribute_column
from chiasm.search.column import Column
from chiasm.search.query import MODALITIES
from chiasm.search.replica import Bools, Replica
from chiasm.search.space_info import SpaceInfo
from chiasm.search.where import NotColumnarError, rows_where

__all__ = ["LATE_FUSION", "State", "Trial", "Version"]

LATE_FUSION = "late-fusion"
#: Results of `where` conditions kept a state.
_MAX_MASKS = 64
Version = tuple[tuple[int | None, ...], ...]


@dataclass(frozen=True)
class Trial:
    """A release beside the active one, for a while (`chiasm.releases.trials`)."""

    id: int
    #: watch, canary or shadow.
    kind: str
    release_id: int
    #: The active one, or the one before it.
    against_id: int
    #: Of queries, for canary and shadow.
    share: float


@dataclass(frozen=True)
class State:
    """Immutable; a query keeps the one it began with, whatever is swapped in meanwhile."""

    workspace_id: int
    #: `r7` or `late-fusion`.
    release: str
    #: Model folder of the release; None before the first.
    folder: str | None
    #: By kind: text, image, audio, graph, fused.
    spaces: Mapping[str, SpaceInfo]
    columns: Mapping[str, Column]
    replica: Replica
    version: Version
    #: None before the first.
    release_id: int | None = None
    trial: Trial | None = None
    masks: dict[Any, Bools] = field(default_factory=dict)
    #: What was computed from the replica, by name; kept as long as the replica is.
    derived: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def judged_on(self) -> tuple[list[tuple[str, ...]], npt.NDArray[np.uint8]]:
        """Sets of modalities, graph among them, and which of them each entity has, ``(rows,)``."""
        masks = {kind: self.columns[kind].present for kind in MODALITIES if kind in self.columns}
        masks["graph"] = self.replica.linked
        codes = np.zeros(len(self.replica), dtype=np.uint8)
        for bit, mask in enumerate(masks.values()):
            codes |= mask.view(np.uint8) << bit
        sets = [
            tuple(kind for bit, kind in enumerate(masks) if code >> bit & 1)
            for code in range(1 << len(masks))
        ]
        return sets, codes

    def mask(self, catalog: Catalog, where: Filter) -> Bools:
        """Which entities satisfy a condition, ``(rows,)``, not to be written to; kept as long as the replica is."""
        # By its text: 1 and true are equal in Python, yet two conditions.
        name = repr(where)
        mask = self.masks.get(name)
        if mask is None:
            try:
                mask = rows_where(where, self.replica, self._attribute)
            except NotColumnarError:
                mask = self._by_sql(catalog, where)
            self.remember(name, mask)
        return mask

    def remember(self, name: Any, mask: Bools) -> None:
        """Keep a mask under a name."""
        if len(self.masks) >= _MAX_MASKS:
            # The oldest first; others may be in use at this moment.
            for old in list(self.masks)[: _MAX_MASKS // 2]:
                self.masks.pop(old, None)
        self.masks[name] = mask

    def _by_sql(self, catalog: Catalog, where: Filter) -> Bools:
        condition = where.to_sql(catalog.engine.dialect.name)
        chosen = select(Entity.id).where(Entity.workspace_id == self.workspace_id, condition)
        with catalog.read() as session:
            ids = np.asarray(session.scalars(chosen).all(), dtype=np.int64)
        rows = self.replica.rows_of(ids)
        mask = np.zeros(len(self.replica), dtype=np.bool_)
        mask[rows[rows >= 0]] = True
        return mask

    def _attribute(self, path: tuple[str, ...]) -> AttributeColumn | None:
        name = ("attribute", path)
        if name not in self.derived:
            self.derived[name] = attribute_column(self.replica.attributes, path)
        found: AttributeColumn | None = self.derived[name]
        return found
