"""Releases on trial are judged: rolled back, or their trial stopped, where they do worse than the other one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Release, ReleaseTrial, Workspace
from chiasm.releases.counts import Counts
from chiasm.releases.feedback import accept_rate
from chiasm.releases.swap import note, roll_back
from chiasm.releases.trials import end_trials, seen_by

__all__ = ["Accepted", "Limits", "judge_trials"]

#: `share(session, release)`: of the hits that people judged, how many they accepted; None: nobody judged any.
Accepted = Callable[[Session, Release], float | None]


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
    release = session.get_one(Release, trial.release_id)
    end_trials(session, trial.workspace_id, reason or "all was well")
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
    seen = seen_by(session, trial)
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
