"""What was told to whom."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Delivery, Notice

__all__ = ["list_notices"]


def list_notices(session: Session, workspace_id: int, *, limit: int = 50) -> list[dict[str, Any]]:
    """Notices, newest first, each with its deliveries: `{"channel", "state", "attempts", "error"}`."""
    mine = select(Notice).where(Notice.workspace_id == workspace_id).order_by(Notice.id.desc()).limit(limit)
    notices = session.scalars(mine).all()
    told: dict[int, list[dict[str, Any]]] = {}
    rows = select(Delivery).where(Delivery.notice_id.in_([notice.id for notice in notices]))
    for row in session.scalars(rows.order_by(Delivery.channel)):
        shown = {"channel": row.channel, "state": row.state, "attempts": row.attempts, "error": row.error}
        told.setdefault(row.notice_id, []).append(shown)
    return [
        {
            "id": notice.id,
            "event": notice.event,
            "at": notice.created_at,
            "body": notice.body,
            "deliveries": told.get(notice.id, []),
        }
        for notice in notices
    ]
