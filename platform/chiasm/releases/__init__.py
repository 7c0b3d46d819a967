"""Releases: trained, built aside, judged, swapped in by one transaction, rolled back the same way."""

from chiasm.releases.gate import GateDecision, judge
from chiasm.releases.store import ReleaseInfo, diff_releases, find_release, list_releases, show_release
from chiasm.releases.submit import submit_evaluate, submit_train
from chiasm.releases.submit_distill import submit_distill
from chiasm.releases.swap import promote, rollback

__all__ = [
    "GateDecision",
    "ReleaseInfo",
    "diff_releases",
    "find_release",
    "judge",
    "list_releases",
    "promote",
    "rollback",
    "show_release",
    "submit_distill",
    "submit_evaluate",
    "submit_train",
]
