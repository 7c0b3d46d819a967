"""What a batch is written with, and what it did."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.models import EntityMerge
from chiasm.errors import ConflictError
from chiasm.ingest.prepare import Prepared

__all__ = ["Effects", "Met", "Targets", "WriteState"]

#: Some 20 MiB of keys.
_MOST_MET = 150_000


@dataclass(frozen=True)
class Targets:
    """Where assets go: modality to space id. A modality that is not there waits for an encoder."""

    spaces: Mapping[str, int] = field(default_factory=dict)
    #: The release whose fused vectors are kept up to date; None before the first.
    release_id: int | None = None


@dataclass
class Effects:
    """What a batch did, for the units that follow it."""

    #: created, updated, unchanged, superseded, stubs, assets, triples, removed.
    counts: Counter[str] = field(default_factory=Counter)
    #: Assets to embed, by modality.
    pending: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    #: Entities that have such assets: they are fused after these are embedded.
    waiting: set[int] = field(default_factory=set)
    #: Entities whose fused vector is out of date.
    touched: set[int] = field(default_factory=set)
    #: Records that were not written because their entity had moved on.
    conflicts: list[tuple[Prepared, ConflictError]] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether the catalog differs from before."""
        return any(self.counts[name] for name in self.counts if name not in ("unchanged", "superseded"))


@dataclass
class Met:
    """Ids of living entities, kept from batch to batch of one reader as long as nobody else changes the workspace."""

    ids: dict[str, int] = field(default_factory=dict)
    #: Of the workspace when the ids were last right; None: never.
    revision: int | None = None

    def still(self, revision: int | None) -> dict[str, int]:
        """The ids, emptied if the workspace has another revision by now, or if they take too much room."""
        if revision is None or revision != self.revision or len(self.ids) > _MOST_MET:
            self.ids.clear()
        self.revision = None
        return self.ids


@dataclass
class WriteState:
    """One write transaction."""

    session: Session
    workspace_id: int
    now: float
    targets: Targets
    replace: bool
    #: When the records were accepted: what was deleted since then stays deleted.
    asked_at: float = math.inf
    effects: Effects = field(default_factory=Effects)
    #: Ids that this transaction has met, by key or name.
    ids: dict[str, int] = field(default_factory=dict)
    predicates: dict[str, int] = field(default_factory=dict)
    domains: dict[str, int] = field(default_factory=dict)

    @cached_property
    def has_merges(self) -> bool:
        """Whether any entity of the workspace is a name of another one (most workspaces have none)."""
        first = select(EntityMerge.id).where(EntityMerge.workspace_id == self.workspace_id).limit(1)
        return self.session.scalar(first) is not None
