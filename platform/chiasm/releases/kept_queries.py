"""Queries that releases are compared on: saved under a name, or sampled of late."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, func, select

from chiasm.catalog import Catalog
from chiasm.catalog.models import KeptQuery
from chiasm.errors import ConflictError, NotFoundError, UsageError

__all__ = ["drop_query", "kept_queries", "save_query"]

_MOST_SAVED = 1000
_LONGEST = 2000


def kept_queries(catalog: Catalog, workspace_id: int) -> list[dict[str, Any]]:
    """`{"name", "query", "created_at"}` of each, those that were saved by name, then the newest of late."""
    mine = select(KeptQuery).where(KeptQuery.workspace_id == workspace_id)
    with catalog.read() as session:
        saved = session.scalars(mine.where(KeptQuery.name.is_not(None)).order_by(KeptQuery.name)).all()
        recent = session.scalars(mine.where(KeptQuery.name.is_(None)).order_by(KeptQuery.id.desc())).all()
    return [{"name": row.name, "query": row.query, "created_at": row.created_at} for row in (*saved, *recent)]


def save_query(
    catalog: Catalog,
    workspace_id: int,
    name: str,
    *,
    text: str | None = None,
    entity: str | None = None,
    into: str | None = None,
) -> dict[str, Any]:
    """Save a query under a name.

    Raises:
        UsageError: It has not exactly one of text and entity, or is too long; or there are too many.
        ConflictError: The name is taken.
    """
    if (text is None) == (entity is None) or not (text or entity or "").strip():
        raise UsageError("a saved query is a text or an entity", where=name, remedy="give one of the two")
    if not name.strip() or max(map(len, (name, text or "", entity or "", into or ""))) > _LONGEST:
        raise UsageError(f"a name and up to {_LONGEST} characters are taken", where=name[:80] or "name")
    given = {"text": text, "entity": entity, "into": into}
    query = {one: value for one, value in given.items() if value is not None}
    mine = KeptQuery.workspace_id == workspace_id, KeptQuery.name.is_not(None)
    with catalog.write() as session:
        if session.scalar(select(KeptQuery.id).where(*mine, KeptQuery.name == name)) is not None:
            raise ConflictError(
                "there is a saved query of this name",
                where=name,
                remedy="remove it first, or choose another name",
            )
        if (session.scalar(select(func.count()).select_from(KeptQuery).where(*mine)) or 0) >= _MOST_SAVED:
            raise UsageError(f"{_MOST_SAVED} queries are saved already", where=name, remedy="remove some")
        row = KeptQuery(workspace_id=workspace_id, name=name, query=query)
        session.add(row)
        session.flush()
        return {"name": row.name, "query": row.query, "created_at": row.created_at}


def drop_query(catalog: Catalog, workspace_id: int, name: str) -> None:
    """Remove a saved query.

    Raises:
        NotFoundError: There is none of this name.
    """
    mine = KeptQuery.workspace_id == workspace_id, KeptQuery.name == name
    with catalog.write() as session:
        if session.scalar(select(KeptQuery.id).where(*mine)) is None:
            raise NotFoundError("no such saved query", where=name, remedy="`chiasm releases queries list`")
        session.execute(delete(KeptQuery).where(*mine))
