"""The `refresh` unit: after a change, graph tokens around it are made anew, nearest first, within a budget."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from chiasm.catalog.models import Release, WorkUnit
from chiasm.ingest.graph import WorkspaceGraph
from chiasm.ingest.targets import active_release
from chiasm.ingest.units import UNIT_ITEMS, add_fuse_units
from chiasm.jobs import Claim, WorkContext, add_units, create_job, finish

if TYPE_CHECKING:
    from chiasm.fusion.runtime import FusionModel
    from chiasm_graph import Triples

__all__ = ["REFRESH", "ask_refresh", "nearest", "neighbourhood", "refresh_unit"]

Ints = NDArray[np.int64]
#: Kind of the unit and of its job.
REFRESH = "refresh"
#: After everything else: what is new comes first, and what changes at once is refreshed once.
_LATER = 300
#: Changed entities of one unit.
_MOST_ROOTS = 4096


def ask_refresh(
    session: Session, workspace_id: int, because: int, release_id: int, entity_ids: Iterable[int]
) -> None:
    """See to it that the tokens around changed entities are refreshed, by a job of its own: nobody waits for it.

    What is asked while an earlier request of the same job still waits joins it.

    Args:
        session: The transaction of the change.
        workspace_id: Tenant.
        because: Job that makes the change.
        release_id: The release that answers.
        entity_ids: What changed; fused by the caller.
    """
    changed = sorted(set(entity_ids))
    if not changed:
        return
    job = create_job(session, workspace_id, REFRESH, {"because": because}, f"{REFRESH} {because}")
    waiting = select(WorkUnit.id, WorkUnit.payload).where(
        WorkUnit.job_id == job.id, WorkUnit.kind == REFRESH, WorkUnit.state == "ready"
    )
    # Locked: it is not claimed, with what it holds now, before this transaction ends.
    known = session.execute(waiting.order_by(WorkUnit.id.desc()).limit(1).with_for_update()).one_or_none()
    if known is not None and known.payload["release_id"] == release_id:
        both = sorted({*known.payload["entity_ids"], *changed})
        if len(both) <= _MOST_ROOTS:
            payload = {**known.payload, "entity_ids": both}
            joined = {"payload": payload, "items_total": len(both)}
            session.execute(update(WorkUnit).where(WorkUnit.id == known.id).values(joined))
            return
    parts = [changed[at : at + _MOST_ROOTS] for at in range(0, len(changed), _MOST_ROOTS)]
    payloads = [{"release_id": release_id, "entity_ids": part} for part in parts]
    add_units(session, job, REFRESH, payloads, priority=_LATER)


def refresh_unit(ctx: WorkContext, claim: Claim) -> None:
    """Fuse what stands around the unit's entities; what the budget leaves is counted as `stale` in the result."""
    asked = claim.payload
    with ctx.catalog.read() as session:
        release = active_release(session, claim.workspace_id)
    chosen, left = np.zeros(0, dtype=np.int64), 0
    if release is not None and release.id == asked["release_id"]:
        model = ctx.models.fusion(release.folder)
        if "graph" in model.feature_dims:
            graph = WorkspaceGraph.current(
                ctx.catalog, ctx.settings.home, claim.workspace_id, model.predicates, model.origins
            )
            rows = graph.rows(np.asarray(asked["entity_ids"], dtype=np.int64))
            budget = asked.get("budget", ctx.settings.refresh_neighbours)
            near, left = nearest(graph.triples, rows[rows >= 0], budget, hops=len(model.fanout))
            chosen = graph.ids[near]
    with ctx.catalog.write() as session:
        if len(chosen) and release is not None:
            size = UNIT_ITEMS["fused"]
            for start in range(0, len(chosen), size):
                # One unit after the other, so that the nearest are fused first.
                some = chosen[start : start + size].tolist()
                add_fuse_units(session, claim.job_id, release.id, some, priority=_LATER)
        finish(session, claim, {"refreshed": len(chosen), "stale": left})


def neighbourhood(ctx: WorkContext, release: Release, entity_ids: Ints, model: FusionModel) -> Ints:
    """Entities around some others whose graph tokens look at them, nearest first, within the budget, ``(m,)``."""
    if "graph" not in model.feature_dims:
        return np.zeros(0, dtype=np.int64)
    graph = WorkspaceGraph.current(
        ctx.catalog, ctx.settings.home, release.workspace_id, model.predicates, model.origins
    )
    rows = graph.rows(entity_ids)
    budget = ctx.settings.refresh_neighbours
    near, _ = nearest(graph.triples, rows[rows >= 0], budget, hops=len(model.fanout))
    found: Ints = graph.ids[near]
    return found


def nearest(graph: Triples, rows: Ints, budget: int | None, *, hops: int) -> tuple[Ints, int]:
    """Nodes around some others, and how many of them are left out.

    Those one edge away come before those two edges away; equally near ones by how few edges they have, since each
    edge weighs the more in a token.

    Args:
        graph: Where they stand.
        rows: The nodes around which they are; not among them, ``(n,)``.
        budget: How many at most; None: all.
        hops: Edges that a token looks beyond.

    Returns:
        Nodes, ``(m,)``, and the number of those left out.
    """
    seen = np.zeros(graph.num_nodes, dtype=np.bool_)
    seen[rows] = True
    front, found = np.unique(rows), [np.zeros(0, dtype=np.int64)]
    for _ in range(hops):
        _, at = graph.half_edges(front)
        front = np.unique(graph.adjacency.neighbour[at])
        front = front[~seen[front]]
        seen[front] = True
        found.append(front[np.argsort(graph.degrees()[front], kind="stable")])
    near = np.concatenate(found)
    most = len(near) if budget is None else min(budget, len(near))
    return near[:most], len(near) - most
