"""Rows that stand in: mapped from another space, until the space's own model has made them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Embedding, ReleaseSpace
from chiasm.spaces.kinds.base import Ints

__all__ = ["count_mapped", "mapped_items", "stands_on_mapped"]


def count_mapped(session: Session, space_ids: Iterable[int]) -> int:
    """How many rows of some spaces stand in."""
    mine = Embedding.space_id.in_(sorted(space_ids)), Embedding.mapped.is_not(None)
    return session.scalar(select(func.count()).select_from(Embedding).where(*mine)) or 0


def mapped_items(session: Session, space_id: int) -> Ints:
    """Items whose row stands in, ascending, ``(n,)``."""
    mine = Embedding.space_id == space_id, Embedding.mapped.is_not(None)
    found = session.scalars(select(Embedding.item_id).where(*mine).order_by(Embedding.item_id))
    return np.asarray(found.all(), dtype=np.int64)


def stands_on_mapped(session: Session, release_id: int) -> bool:
    """Whether a release fuses entities from vectors that stand in: what it fuses from them stands in too."""
    parts = (
        select(Embedding.item_id)
        .join(ReleaseSpace, ReleaseSpace.space_id == Embedding.space_id)
        .where(
            ReleaseSpace.release_id == release_id, ReleaseSpace.kind != "fused", Embedding.mapped.is_not(None)
        )
    )
    return session.scalar(parts.limit(1)) is not None
