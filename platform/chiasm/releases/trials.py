"""Trials: a release watched after its swap, given a share of the searches (canary), or asked in silence (shadow)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Release, ReleaseTraffic, ReleaseTrial, Workspace
from chiasm.errors import ConflictError, NotFoundError, UsageError
from chiasm.releases.counts import Counts
from chiasm.releases.feedback import accept_rate
from chiasm.releases.follow import NOW, ask_follow
from chiasm.releases.store import find_release

__all__ = [
    "Accepted",
    "judge_trials",
    "open_watch",
    "start_trial",
    "stop_trial",
    "trial_reports",
]

#: `share(session, release)`: of the hits that people judged, how many they accepted; None: nobody judged any.
Accepted = Callable[[Session, Release], float | None]

KINDS = ("canary", "shadow")


@dataclass(frozen=True)
class Limits:
    """How much worse than the other release is too much."""

    #: Searches of a release before anything is said of it, and before its slowest ones are.
    at_least: int = 20
    slow_at_least: int = 200
    #: Failed searches more, as a share, and as a number.
    errors: float = 0.02
    errors_at_least: int = 3
    #: Times the median, and the 95th percentile, of the other.
    p50: float = 2.0
    p95: float = 3.0
    #: Share of accepted hits less.
    accepted: float = 0.2


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
        _end(session, workspace_id, "another trial began")
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
        _end(session, workspace_id, "stopped")
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
    _end(session, release.workspace_id, f"{release.name} was promoted")
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


def judge_trials(
    catalog: Catalog, accepted: Accepted | None = None, limits: Limits | None = None
) -> list[str]:
    """Look at all open trials: roll back, or stop, where a release does worse; end what is over.

    Any number of processes may do so: who comes second finds the trial ended.

    Args:
        catalog: Where they are.
        accepted: What people say about hits; as they gave feedback by default.
        limits: What is too much worse.

    Returns:
        What was done, in words.
    """
    with catalog.read() as session:
        ids = session.execute(
            select(ReleaseTrial.id, ReleaseTrial.workspace_id).where(ReleaseTrial.state == "open")
        ).all()
    done = []
    for trial_id, workspace_id in ids:
        with catalog.read() as session:
            trial = session.get_one(ReleaseTrial, trial_id)
            reason = _breach(session, trial, accepted or _accepted, limits or Limits())
            over = trial.ends_at is not None and time.time() >= trial.ends_at
        if reason is None and not over:
            continue
        with catalog.change(workspace_id) as session:
            trial = session.get_one(ReleaseTrial, trial_id)
            if trial.state == "open":
                done.append(_act(session, trial, reason))
    return done


def _act(session: Session, trial: ReleaseTrial, reason: str | None) -> str:
    from chiasm.releases.swap import note, roll_back

    release = session.get_one(Release, trial.release_id)
    _end(session, trial.workspace_id, reason or "all was well")
    if reason is None:
        note(release, "kept", f"watched for {trial.params.get('watch_s', 0):g} s")
        return f"{release.name} stays"
    if trial.kind != "watch":
        note(release, f"{trial.kind} stopped", reason)
        return f"the {trial.kind} of {release.name} was stopped: {reason}"
    active = session.get_one(Workspace, trial.workspace_id).active_release_id
    if active != release.id:
        return f"{release.name} does not answer any more"
    name = roll_back(session, trial.workspace_id, reason=reason)
    return f"rolled back to {name}: {reason}"


def _accepted(session: Session, release: Release) -> float | None:
    return accept_rate(session, release.id, 0.0)


def _breach(session: Session, trial: ReleaseTrial, accepted: Accepted, limits: Limits) -> str | None:
    """Why the release on trial is not to go on; None: nothing says so."""
    seen = _seen(session, trial)
    ours, theirs = seen.get(trial.release_id, Counts()), seen.get(trial.against_id or 0, Counts())
    if ours.failed >= limits.errors_at_least and ours.error_share > theirs.error_share + limits.errors:
        return (
            f"{ours.error_share:.1%} of {ours.total} searches failed, {theirs.error_share:.1%} of "
            f"{theirs.total} before: {ours.last_error or 'no reason given'}"
        )
    if min(ours.answered, theirs.answered) >= limits.at_least:
        now, then = ours.percentile(50), theirs.percentile(50)
        if now > limits.p50 * then:
            return f"the median search takes {now:.2f} ms, {then:.2f} ms before"
    if min(ours.answered, theirs.answered) >= limits.slow_at_least:
        now, then = ours.percentile(95), theirs.percentile(95)
        if now > limits.p95 * then:
            return f"5 % of the searches take over {now:.2f} ms, {then:.2f} ms before"
    if trial.against_id is not None:
        shares = [
            accepted(session, session.get_one(Release, one)) for one in (trial.release_id, trial.against_id)
        ]
        if shares[0] is not None and shares[1] is not None and shares[0] < shares[1] - limits.accepted:
            return f"{shares[0]:.0%} of the judged hits were accepted, {shares[1]:.0%} before"
    return None


def _report(session: Session, trial: ReleaseTrial) -> dict[str, Any]:
    seen = _seen(session, trial)
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


def _seen(session: Session, trial: ReleaseTrial) -> dict[int, Counts]:
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


def _end(session: Session, workspace_id: int, why: str) -> None:
    for trial in session.scalars(_open(workspace_id)):
        trial.state = "ended"
        trial.result = {"why": why, "at": time.time()}
    session.flush()
