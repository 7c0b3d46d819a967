"""Graph tokens that are older than what stands around them: a budget left them out when that changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import select, update

from chiasm.catalog.models import Entity, Workspace, WorkUnit
from chiasm.ingest.refresh import REFRESH
from chiasm.jobs import add_units
from chiasm.upkeep.findings import REPAIR, Finding
from chiasm.upkeep.requeue import repair_job
from chiasm.upkeep.site import Site

__all__ = ["look"]

#: Entities that are named.
_NAMED = 5


def look(site: Site) -> Iterator[Finding]:
    """What refreshes since the active releases were trained have left out."""
    with site.catalog.read() as session:
        rows = session.execute(
            select(
                WorkUnit.id,
                WorkUnit.workspace_id,
                WorkUnit.payload,
                WorkUnit.result,
                Workspace.active_release_id,
            )
            .join(Workspace, Workspace.id == WorkUnit.workspace_id)
            .where(WorkUnit.kind == REFRESH, WorkUnit.state == "done")
        ).all()
        late = [
            row
            for row in rows
            if row.result.get("stale") and row.payload["release_id"] == row.active_release_id
        ]
        roots = [entity for row in late for entity in row.payload["entity_ids"]][:_NAMED]
        keys = session.scalars(select(Entity.key).where(Entity.id.in_(roots)).order_by(Entity.id)).all()
    if not late:
        yield Finding("ok", "no graph token is known to be older than what stands around it")
        return
    count = sum(row.result["stale"] for row in late)
    what = f"at most {count} graph tokens are older than what changed around {', '.join(keys)}"
    remedy = f"{REPAIR}, train again, or raise the setting refresh_neighbours"
    yield Finding("warning", what, remedy, count, mend=lambda: _refresh(site, late))


def _refresh(site: Site, late: Sequence[Any]) -> str:
    for row in late:
        with site.catalog.write() as session:
            job = repair_job(site, session, row.workspace_id)
            add_units(session, job, REFRESH, [{**row.payload, "budget": None}])
            noted = {**row.result, "stale": 0}
            session.execute(update(WorkUnit).where(WorkUnit.id == row.id).values(result=noted))
    return f"{len(late)} refreshes go on without a budget"
