"""Which spaces assets are embedded into: the active release's, else those of the default encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Release, ReleaseSpace, Space, Workspace
from chiasm.settings import Settings

if TYPE_CHECKING:
    from chiasm.models import ModelCache

__all__ = ["HasModels", "active_release", "current_spaces", "ensure_space"]

_MODALITIES = ("text", "image", "audio")


def active_release(session: Session, workspace_id: int) -> Release | None:
    """The release that answers, if any."""
    statement = select(Release).join(Workspace, Workspace.active_release_id == Release.id)
    return session.scalar(statement.where(Workspace.id == workspace_id))


class HasModels(Protocol):
    """A work context or the tools of a process."""

    @property
    def settings(self) -> Settings:
        """Settings of the home."""

    @property
    def catalog(self) -> Catalog:
        """The catalog."""

    @property
    def models(self) -> ModelCache:
        """Loaded models."""


def current_spaces(ctx: HasModels, workspace_id: int) -> dict[str, Space]:
    """Modality to the space that its assets belong to; a modality without an encoder is left out.

    Before the first release this loads the default encoders, whose fingerprints name the spaces.
    """
    with ctx.catalog.read() as session:
        release = active_release(session, workspace_id)
        if release is not None:
            rows = session.execute(
                select(ReleaseSpace.kind, Space)
                .join(Space, Space.id == ReleaseSpace.space_id)
                .where(ReleaseSpace.release_id == release.id, ReleaseSpace.kind.in_(_MODALITIES))
            )
            return dict(rows.all())
    from chiasm.models import default_encoders

    spaces = {}
    for modality, spec in default_encoders(ctx.settings).items():
        encoder = ctx.models.encoder(spec)
        spaces[modality] = ensure_space(
            ctx.catalog, workspace_id, modality, stamp=encoder.fingerprint, dim=encoder.dim, encoder=spec
        )
    return spaces


def ensure_space(
    catalog: Catalog, workspace_id: int, kind: str, *, stamp: str, dim: int, encoder: str | None
) -> Space:
    """The space of a kind and model, made if it does not exist."""
    known = select(Space).where(Space.workspace_id == workspace_id, Space.kind == kind, Space.stamp == stamp)
    with catalog.read() as session:
        found = session.scalar(known)
    if found is not None:
        return found
    with catalog.write() as session:
        found = session.scalar(known)
        if found is None:
            found = Space(workspace_id=workspace_id, kind=kind, stamp=stamp, dim=dim, encoder=encoder)
            session.add(found)
            session.flush()
        return found
