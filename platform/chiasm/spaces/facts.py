"""What stays the same of a space, and its generation."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Space, table_of
from chiasm.errors import NotFoundError

__all__ = ["SpaceFacts", "space_facts"]

_SPACE = table_of(Space).c
_FACTS = select(_SPACE.id, _SPACE.kind, _SPACE.stamp, _SPACE.dim, _SPACE.generation).where(
    _SPACE.id == bindparam("space_id")
)


class SpaceFacts(NamedTuple):
    """A space at one generation."""

    id: int
    #: text, image, audio or fused
    kind: str
    #: Fingerprint of the model that makes its vectors.
    stamp: str
    dim: int
    generation: int


def space_facts(session: Session, space_id: int) -> SpaceFacts:
    """A space as the session sees it.

    Raises:
        NotFoundError: There is no such space.
    """
    found = session.execute(_FACTS, {"space_id": space_id}).first()
    if found is None:
        raise NotFoundError(f"there is no space {space_id}", where="space")
    return SpaceFacts(*found)
