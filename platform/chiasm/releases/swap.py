"""Promote and roll back: one transaction decides which release answers."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Release, Workspace
from chiasm.errors import ConflictError, NotFoundError, UsageError
from chiasm.jobs import notices
from chiasm.releases.follow import FOLLOW, NOW, ask_follow, under_way
from chiasm.releases.following import marks_now, marks_of, pending_from
from chiasm.releases.remake import ask_remake, mark_embedded
from chiasm.releases.store import ReleaseInfo, find_release, show_release
from chiasm.releases.trials import open_watch

__all__ = ["activate", "earlier_release", "note", "promote", "roll_back", "rollback"]

#: States a release may be promoted from.
_PROMOTABLE = ("candidate", "retired")
#: Events of a release's history that are kept.
_HISTORY = 100
MOST_WATCH_S = 7 * 86400


def promote(catalog: Catalog, workspace_id: int, name: str, *, watch_s: float = 0.0) -> ReleaseInfo:
    """Make a finished release the one that answers.

    Args:
        catalog: Where it is.
        workspace_id: Tenant.
        name: The release.
        watch_s: So long it is rolled back where its searches fail or take longer than before; 0: it is not watched.

    Raises:
        UsageError: It cannot be watched so long.
        NotFoundError: No such release.
        ConflictError: It is still being built, failed, or is active already.
    """
    if not 0 <= watch_s <= MOST_WATCH_S:
        raise UsageError(
            f"it cannot be watched for {watch_s:g} s", where="watch", remedy=f"use 0 to {MOST_WATCH_S}"
        )
    with catalog.change(workspace_id) as session:
        release = find_release(session, workspace_id, name)
        if release.state not in _PROMOTABLE:
            raise ConflictError(
                f"it is {release.state}",
                where=release.name,
                remedy="only candidates and retired releases go live",
            )
        activate(session, release, reason="asked for", watch_s=watch_s)
        # One that the gate lets pass is told of when its job ends.
        notices.note(session, workspace_id, "release.promoted", {"release": release.name})
    return show_release(catalog, workspace_id, name)


def rollback(catalog: Catalog, workspace_id: int, *, reason: str = "asked for") -> ReleaseInfo:
    """Make the release active that was so before the present one.

    What it lacks of what was ingested since is made first of all work that waits (none, where it was kept in step).

    Raises:
        NotFoundError: There is no earlier one.
    """
    with catalog.change(workspace_id) as session:
        name = roll_back(session, workspace_id, reason=reason)
    return show_release(catalog, workspace_id, name)


def roll_back(session: Session, workspace_id: int, *, reason: str) -> str:
    """Roll back within the caller's transaction (`Catalog.change`); the name of the release that answers again.

    Raises:
        NotFoundError: There is no earlier one.
    """
    active = find_release(session, workspace_id, None)
    earlier = earlier_release(session, active)
    if earlier is None:
        raise NotFoundError(
            "no earlier release to go back to", where=active.name, remedy="see `chiasm releases list`"
        )
    note(active, "rolled back", reason)
    activate(session, earlier, reason=f"{active.name} was rolled back: {reason}")
    # Else a second rollback would come straight back here.
    active.activated_at = None
    told = {"release": earlier.name, "from": active.name, "reason": reason}
    notices.note(session, workspace_id, "release.rolled_back", told)
    return earlier.name


def earlier_release(session: Session, active: Release) -> Release | None:
    """The one that a rollback goes to; None: there is none."""
    return session.scalar(
        select(Release)
        .where(
            Release.workspace_id == active.workspace_id,
            Release.state == "retired",
            Release.activated_at.is_not(None),
            Release.id != active.id,
        )
        .order_by(Release.activated_at.desc())
        .limit(1)
    )


def activate(session: Session, release: Release, *, reason: str, watch_s: float = 0.0) -> None:
    """Swap within the caller's transaction, in which nobody else changes the workspace (`Catalog.change`).

    The old one retires, waiting assets become embedded, and what the new one is behind with is asked for.
    """
    workspace = session.get_one(Workspace, release.workspace_id)
    open_watch(session, release, workspace.active_release_id, watch_s)
    if workspace.active_release_id is not None and workspace.active_release_id != release.id:
        _retire(session, session.get_one(Release, workspace.active_release_id), release.name)
    workspace.active_release_id = release.id
    release.state = "active"
    release.activated_at = time.time()
    note(release, "promoted", reason)
    mark_embedded(session, release)
    ask_remake(session, release)
    marks = marks_of(release)
    # What it lacks is counted by who makes it: everybody else waits for this transaction.
    if marks is None or marks.revision != workspace.revision:
        ask_follow(session, release, priority=NOW)


def note(release: Release, event: str, reason: str) -> None:
    """Write down what happened to a release, in the transaction in which it does."""
    before: list[dict[str, Any]] = release.history or []
    entry = {"at": time.time(), "event": event, "reason": reason}
    release.history = [*before, entry][-_HISTORY:]


def _retire(session: Session, old: Release, by: str) -> None:
    old.state = "retired"
    note(old, "retired", f"{by} was promoted")
    if under_way(session, FOLLOW, old):
        # Not there yet: its marks stay where they are.
        return
    # While it answered, everything that came in was asked for, and units that are open still will be done. Only what
    # waits for its asset to be embedded would be fused for the new one alone.
    now = marks_now(session, old.workspace_id)
    first = pending_from(session, old.workspace_id)
    old.followed = (now if first is None else replace(now, asset=min(now.asset, first - 1))).to_dict()
