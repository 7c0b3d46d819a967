"""Spaces that a workspace answers from, and who makes queries for them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Release, ReleaseSpace, Space
from chiasm.models import student_spec

__all__ = ["SpaceInfo", "spaces_of"]


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
    rows = session.execute(
        select(
            ReleaseSpace.kind,
            Space.id,
            Space.encoder,
            Space.stamp,
            ReleaseSpace.student,
            ReleaseSpace.student_stamp,
        )
        .join(Space, Space.id == ReleaseSpace.space_id)
        .where(ReleaseSpace.release_id == release.id)
    )
    return {
        kind: SpaceInfo(space_id, encoder, stamp, student_spec(release.folder, student), student_stamp)
        for kind, space_id, encoder, stamp, student, student_stamp in rows
    }
