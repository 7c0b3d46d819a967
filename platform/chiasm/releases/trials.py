"""Trials: a release watched after its swap, given a share of the searches (canary), or asked in silence (shadow)."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Release, ReleaseTraffic, ReleaseTrial
from chiasm.errors import ConflictError, NotFoundError, UsageError
from chiasm.releases.counts import Counts
from chiasm.releases.follow import NOW, ask_follow
from chiasm.releases.store import find_release

__all__ = [
    "end_trials",
    "open_watch",
    "seen_by",
    "start_trial",
    "stop_trial",
    "trial_reports",
]

KINDS = ("canary", "shadow")


def start_trial(
    catalog: Catalog, workspace_id: int, name: str, *, kind: str, share: float = 1.0
) -> dict[str, Any]:
    """Put a finished release beside the active one; what is known of the trial so far.

    Args:
        catalog: Where it is.
        workspace_id: Tenant.
        name: The release, a candidate or a retired one.
        kind: `canary`: it answers a share of the searches; `shadow`: it is asked too, and never shown.
        share: Of the searches, above 0 to 1; the same query always goes the same way.

    Raises:
        UsageError: The kind or the share is not one.
        NotFoundError: There is no such release, or none is active.
        ConflictError: It is not a candidate or retired one, or another trial is on.
    """
    if kind not in KINDS:
        raise UsageError(f"unknown trial {kind!r}", remedy="use canary or shadow")
    if not 0 < share <= 1:
        raise UsageError(f"share {share:g} is none", where="share", remedy="use a number above 0, at most 1")
    with catalog.change(workspace_id) as session:
        release = find_release(session, workspace_id, name)
        active = find_release(session, workspace_id, None)
        if release.state not in ("candidate", "retired"):
            raise ConflictError(
                f"it is {release.state}",
                where=release.name,
                remedy="a trial is of a candidate or a retired release",
            )
        known = session.scalar(_open(workspace_id).where(ReleaseTrial.kind.in_(KINDS)))
        if known is not None:
            raise ConflictError(
                f"a {known.kind} is on already",
                where=session.get_one(Release, known.release_id).name,
                remedy="end it with `chiasm releases canary --stop`",
            )
        # One trial at a time: a watch that is still open ends.
        end_trials(session, workspace_id, "another trial began")
        trial = ReleaseTrial(
            workspace_id=workspace_id,
            release_id=release.id,
            against_id=active.id,
            kind=kind,
            params={"share": share},
            result={},
        )
        session.add(trial)
        session.flush()
        ask_follow(session, release, priority=NOW)
        return _report(session, trial)


def stop_trial(catalog: Catalog, workspace_id: int) -> dict[str, Any]:
    """End the canary or shadow that is on; what came of it.

    Raises:
        NotFoundError: None is on.
    """
    with catalog.change(workspace_id) as session:
        trial = session.scalar(_open(workspace_id).where(ReleaseTrial.kind.in_(KINDS)))
        if trial is None:
            raise NotFoundError(
                "no trial is on",
                where="release",
                remedy="begin one with `chiasm releases canary ID --share 0.1`",
            )
        end_trials(session, workspace_id, "stopped")
        return _report(session, trial)


def trial_reports(catalog: Catalog, workspace_id: int, *, limit: int = 20) -> list[dict[str, Any]]:
    """All trials, newest first, with what was seen of both releases."""
    with catalog.read() as session:
        rows = select(ReleaseTrial).where(ReleaseTrial.workspace_id == workspace_id)
        return [
            _report(session, row)
            for row in session.scalars(rows.order_by(ReleaseTrial.id.desc()).limit(limit))
        ]


def open_watch(session: Session, release: Release, against_id: int | None, watch_s: float) -> None:
    """Begin to watch a release, in the transaction that swaps it in."""
    end_trials(session, release.workspace_id, f"{release.name} was promoted")
    if watch_s > 0 and against_id is not None:
        now = time.time()
        row = ReleaseTrial(
            workspace_id=release.workspace_id,
            release_id=release.id,
            against_id=against_id,
            kind="watch",
            params={"watch_s": watch_s},
            result={},
            started_at=now,
            ends_at=now + watch_s,
        )
        session.add(row)


def _report(session: Session, trial: ReleaseTrial) -> dict[str, Any]:
    seen = seen_by(session, trial)
    names = {
        one: session.get_one(Release, one).name
        for one in (trial.release_id, trial.against_id)
        if one is not None
    }
    found = {names[one]: seen.get(one, Counts()).to_report() for one in names}
    return {
        "release": names[trial.release_id],
        "against": names.get(trial.against_id or 0),
        "kind": trial.kind,
        "share": trial.params.get("share"),
        "state": trial.state,
        "started_at": trial.started_at,
        "ends_at": trial.ends_at,
        "result": trial.result,
        "seen": found,
    }


def seen_by(session: Session, trial: ReleaseTrial) -> dict[int, Counts]:
    """What all processes saw of each release."""
    found: dict[int, Counts] = {}
    rows = (
        select(ReleaseTraffic).where(ReleaseTraffic.trial_id == trial.id).order_by(ReleaseTraffic.updated_at)
    )
    for row in session.scalars(rows):
        found.setdefault(row.release_id, Counts()).add(Counts.from_dict(row.counts))
    return found


def _open(workspace_id: int) -> Any:
    return select(ReleaseTrial).where(ReleaseTrial.workspace_id == workspace_id, ReleaseTrial.state == "open")


def end_trials(session: Session, workspace_id: int, why: str) -> None:
    """End what is open, in the caller's write transaction."""
    for trial in session.scalars(_open(workspace_id)):
        trial.state = "ended"
        trial.result = {"why": why, "at": time.time()}
    session.flush()
