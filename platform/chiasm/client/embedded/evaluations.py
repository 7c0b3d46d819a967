"""Evaluation reports of a workspace, newest first."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Evaluation, Release
from chiasm.client.protocol import JsonDict

__all__ = ["list_evaluations"]


def list_evaluations(session: Session, workspace_id: int, *, limit: int) -> list[JsonDict]:
    """Reports as `chiasm evaluate --json` prints them, with id and time."""
    statement = (
        select(Evaluation, Release.number)
        .outerjoin(Release, Release.id == Evaluation.release_id)
        .where(Evaluation.workspace_id == workspace_id)
        .order_by(Evaluation.id.desc())
        .limit(limit)
    )
    return [
        {
            "id": row.id,
            "release": f"r{number}" if number is not None else None,
            "created_at": row.created_at,
            "report": row.report,
        }
        for row, number in session.execute(statement)
    ]
