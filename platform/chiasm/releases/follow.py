"""The `follow` unit: a release beside the active one is brought up to date with what was ingested since."""

from __future__ import annotations

import logging
import time

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Release, Workspace, WorkUnit
from chiasm.jobs import Claim, WorkContext
from chiasm.jobs.queueing import OPEN_STATES
from chiasm.releases.following import behind, kept_releases, marks_of
from chiasm.settings import Settings

__all__ = ["FOLLOW", "ask_follow", "follow_kept", "follow_unit", "rests", "under_way"]

_log = logging.getLogger(__name__)
#: Kind of the unit and of its job.
FOLLOW = "follow"
#: A release that answers does so now; one that is only kept comes after everything that is ingested.
NOW, LATER = 1, 400
#: One that cannot follow (its files are damaged) is not tried again sooner.
_REST_S = 600.0


def follow_unit(ctx: WorkContext, claim: Claim) -> None:
    """Catch up; a release that is no longer kept is left as it is."""
    # Imported here: who promotes or rolls back needs neither models nor indexes.
    from chiasm.releases.catching_up import catch_up, spaces_of

    with ctx.catalog.read() as session:
        release = session.get(Release, claim.payload["release_id"])
    done = release is None or release.state not in ("active", "candidate", "retired")
    if release is not None and not done:
        spaces = spaces_of(ctx, release.id)
        done = "fused" not in spaces
        if not done:
            ctx.beat(0, 1, f"following {release.name}")
            catch_up(ctx, claim, release, spaces)
    with ctx.catalog.write() as session:
        left = behind(session, release) if release is not None and not done else 0
        jobs.finish(session, claim, {"behind": left})


def ask_follow(session: Session, release: Release, *, priority: int) -> None:
    """See to it that the release is brought up to date, by a job of its own."""
    job = jobs.create_job(
        session, release.workspace_id, FOLLOW, {"release": release.name}, f"{FOLLOW} {release.id}"
    )
    waiting = select(WorkUnit.id).where(
        WorkUnit.job_id == job.id, WorkUnit.state == "ready", WorkUnit.priority <= priority
    )
    if session.scalar(waiting.limit(1)) is None:
        jobs.add_units(session, job, FOLLOW, [{"release_id": release.id}], priority=priority)


def under_way(session: Session, kind: str, release: Release) -> bool:
    """Whether a unit of a kind is open that is about the release."""
    units = select(WorkUnit.id).where(
        WorkUnit.workspace_id == release.workspace_id,
        WorkUnit.kind == kind,
        WorkUnit.state.in_(OPEN_STATES),
    )
    payloads = select(WorkUnit.payload).where(WorkUnit.id.in_(units))
    return any(payload["release_id"] == release.id for payload in session.scalars(payloads))


def follow_kept(settings: Settings, catalog: Catalog) -> int:
    """Ask for what the kept releases lack; how many are behind."""
    with catalog.read() as session:
        workspaces = session.execute(select(Workspace.id, Workspace.revision)).all()
        late = [
            release.id
            for workspace_id, revision in workspaces
            for release in kept_releases(session, workspace_id, settings.retain_releases)
            if (marks := marks_of(release)) is None or marks.revision != revision
        ]
        late = [one for one in late if not rests(session, FOLLOW, one)]
    if not late:
        return 0
    with catalog.write() as session:
        for release_id in late:
            ask_follow(session, session.get_one(Release, release_id), priority=LATER)
    return len(late)


def rests(session: Session, kind: str, release_id: int) -> bool:
    """Whether a release's unit of a kind failed of late, or is about to be worked on."""
    newest = (
        select(WorkUnit.state, WorkUnit.finished_at, WorkUnit.payload)
        .where(WorkUnit.kind == kind)
        .order_by(WorkUnit.id.desc())
        .limit(50)
    )
    for state, finished_at, payload in session.execute(newest):
        if payload["release_id"] == release_id:
            recent = finished_at is not None and time.time() - finished_at < _REST_S
            return state in OPEN_STATES or (state in ("failed", "cancelled") and recent)
    return False
