"""Figures of the release in use, as `--when-metric` asks for them (`chiasm.jobs.live_metrics`)."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Evaluation, Workspace
from chiasm.releases.feedback import accept_rate as accept_rate_of

__all__ = ["accept_rate", "hit_at_ten", "mean_reciprocal_rank"]


def accept_rate(session: Session, workspace_id: int, since: float) -> float | None:
    """Share of its judged hits that were accepted since then."""
    release_id = _active(session, workspace_id)
    return None if release_id is None else accept_rate_of(session, release_id, since)


def hit_at_ten(session: Session, workspace_id: int, since: float) -> float | None:
    """The mean hit@10 of its newest report made since then, weighted by queries."""
    return _reported(session, workspace_id, since, "hit@10")


def mean_reciprocal_rank(session: Session, workspace_id: int, since: float) -> float | None:
    """The mean reciprocal rank of its newest report made since then, weighted by queries."""
    return _reported(session, workspace_id, since, "mrr")


def _reported(session: Session, workspace_id: int, since: float, name: str) -> float | None:
    newest = (
        select(Evaluation.report)
        .where(
            Evaluation.workspace_id == workspace_id,
            Evaluation.release_id == _active(session, workspace_id),
            Evaluation.created_at > since,
        )
        .order_by(Evaluation.id.desc())
        .limit(1)
    )
    report = session.scalar(newest)
    rows = [row for row in (report or {}).get("retrieval", []) if row.get("n") and row.get(name) is not None]
    total = sum(row["n"] for row in rows)
    return sum(row[name] * row["n"] for row in rows) / total if total else None


def _active(session: Session, workspace_id: int) -> int | None:
    return session.get_one(Workspace, workspace_id).active_release_id
