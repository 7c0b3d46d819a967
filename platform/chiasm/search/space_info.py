"""Spaces that a workspace answers from, and who makes queries for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Release, ReleaseSpace, Space, table_of
from chiasm.models import student_spec
from chiasm.search.query import MODALITIES

__all__ = ["SpaceInfo", "first_spaces", "spaces_of"]

_OF, _SPACE = (table_of(table).c for table in (ReleaseSpace, Space))
_SPACES = (
    select(_OF.kind, _SPACE.id, _SPACE.encoder, _SPACE.stamp, _OF.student, _OF.student_stamp)
    .where(_SPACE.id == _OF.space_id)
    .where(_OF.release_id == bindparam("release_id"))
)
_MINE = (
    select(_SPACE.kind, _SPACE.id, _SPACE.encoder, _SPACE.stamp)
    .where(_SPACE.workspace_id == bindparam("workspace_id"), _SPACE.kind.in_(MODALITIES))
    .order_by(_SPACE.id)
)


@dataclass(frozen=True)
class SpaceInfo:
    """A space, and the encoder that makes queries for it."""

    space_id: int
    encoder: str | None
    stamp: str
    #: Spec and fingerprint of a student that the release distilled to make queries in the encoder's place.
    student: str | None = None
    student_stamp: str | None = None


def spaces_of(session: Session, release: Release) -> dict[str, SpaceInfo]:
    """The spaces of a release by kind."""
    rows = session.execute(_SPACES, {"release_id": release.id})
    return {
        kind: SpaceInfo(space_id, encoder, stamp, student_spec(release.folder, student), student_stamp)
        for kind, space_id, encoder, stamp, student, student_stamp in rows
    }


def first_spaces(session: Session, workspace_id: int, specs: Mapping[str, str]) -> dict[str, SpaceInfo]:
    """Before the first release: the spaces of some encoders (modality to spec)."""
    rows = session.execute(_MINE, {"workspace_id": workspace_id})
    return {
        kind: SpaceInfo(space_id, encoder, stamp)
        for kind, space_id, encoder, stamp in rows
        if encoder == specs.get(kind)
    }
