"""Assets that should be searchable and are not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Executable, Select, and_, exists, func, select, update
from sqlalchemy.orm import Session

from chiasm.catalog.models import Asset, Embedding, ReleaseSpace, Space, Workspace, WorkUnit
from chiasm.jobs.queueing import OPEN_STATES
from chiasm.upkeep.findings import REPAIR, Finding
from chiasm.upkeep.requeue import batches, embed_again, open_items
from chiasm.upkeep.site import Site

__all__ = ["look"]


class _Asset(NamedTuple):
    id: int
    workspace_id: int
    modality: str
    #: Where it belongs; None if that is yet to be found out.
    space_id: int | None = None


def look(site: Site) -> Iterator[Finding]:
    """Assets without the vector they should have, and those that wait or have failed."""
    with site.catalog.read() as session:
        lacking = _read(session, _lacking_in_release()) + _read(session, _lacking_anywhere())
        lacking = _unattended(session, lacking, dead=False)
        pending = _unattended(session, _read(session, _pending()), dead=True)
        # What a worker did between the two looks is no finding.
        pending = [one for one in pending if _state(session, one.id) == "pending"]
        remade = _remade(session)
        lacking = [one for one in lacking if one.workspace_id not in remade]
        counts = {name: _count(session, name) for name in ("embedded", "waiting", "failed")}
    if remade:
        yield Finding("ok", "vectors of the release before stand in for some that are still being made")
    if lacking:
        what = f"{len(lacking)} assets marked embedded without a vector"
        yield Finding("problem", what, REPAIR, len(lacking), mend=lambda: _embed(site, lacking))
    if pending:
        what = f"{len(pending)} assets pending though no work is open for them"
        yield Finding("problem", what, REPAIR, len(pending), mend=lambda: _embed(site, pending))
    if not lacking and not pending:
        yield Finding("ok", f"{counts['embedded']} embedded assets, each with its vector")
    if counts["waiting"]:
        what = f"{counts['waiting']} assets wait for an encoder of their modality"
        yield Finding("warning", what, "run `chiasm train`; its release brings one", counts["waiting"])
    if counts["failed"]:
        what = f"{counts['failed']} assets could not be used"
        yield Finding("warning", what, "see `chiasm jobs failures`", counts["failed"])


def _remade(session: Session) -> set[int]:
    """Workspaces whose active release still makes what it answers from (`chiasm train --at-once`)."""
    units = select(WorkUnit.workspace_id, WorkUnit.payload).where(
        WorkUnit.kind == "remake", WorkUnit.state.in_(OPEN_STATES)
    )
    active = dict(session.execute(select(Workspace.id, Workspace.active_release_id)).all())
    return {one for one, payload in session.execute(units) if active.get(one) == payload["release_id"]}


def _lacking_in_release() -> Select[int, int, str, int]:
    """Embedded assets that the active release's space of their modality does not hold."""
    held = exists().where(Embedding.item_id == Asset.id, Embedding.space_id == ReleaseSpace.space_id)
    return (
        select(Asset.id, Asset.workspace_id, Asset.modality, ReleaseSpace.space_id)
        .join(Workspace, Workspace.id == Asset.workspace_id)
        .join(
            ReleaseSpace,
            and_(ReleaseSpace.release_id == Workspace.active_release_id, ReleaseSpace.kind == Asset.modality),
        )
        .where(Asset.state == "embedded", ~held)
    )


def _lacking_anywhere() -> Select[int, int, str]:
    """Embedded assets that no space holds, where no release says which it should be."""
    held = exists().where(
        Embedding.item_id == Asset.id,
        Embedding.space_id == Space.id,
        Space.kind == Asset.modality,
        Space.workspace_id == Asset.workspace_id,
    )
    answered = exists().where(
        Workspace.id == Asset.workspace_id,
        ReleaseSpace.release_id == Workspace.active_release_id,
        ReleaseSpace.kind == Asset.modality,
    )
    columns = select(Asset.id, Asset.workspace_id, Asset.modality)
    return columns.where(Asset.state == "embedded", ~answered, ~held)


def _pending() -> Select[int, int, str]:
    return select(Asset.id, Asset.workspace_id, Asset.modality).where(Asset.state == "pending")


def _read(session: Session, statement: Executable) -> list[_Asset]:
    return [_Asset(*row) for row in session.execute(statement)]


def _unattended(session: Session, assets: list[_Asset], *, dead: bool) -> list[_Asset]:
    if not assets:
        return assets
    units = open_items(session, "embed", dead=dead)
    somewhere = {asset_id for _, asset_id in units}
    # An asset may be on its way into a space other than the one that lacks it.
    return [
        one
        for one in assets
        if (one.id not in somewhere if one.space_id is None else (one.space_id, one.id) not in units)
    ]


def _state(session: Session, asset_id: int) -> str | None:
    return session.scalar(select(Asset.state).where(Asset.id == asset_id))


def _count(session: Session, state: str) -> int:
    return session.scalar(select(func.count()).select_from(Asset).where(Asset.state == state)) or 0


def _embed(site: Site, assets: list[_Asset]) -> str:
    from chiasm.ingest import current_spaces

    groups: dict[tuple[int, str, int | None], list[int]] = defaultdict(list)
    for one in assets:
        groups[one.workspace_id, one.modality, one.space_id].append(one.id)
    queued = waiting = there = 0
    for (workspace_id, modality, known), ids in groups.items():
        space_id = known
        if space_id is None:
            # Loads the default encoders where there is no release yet: their fingerprints name the spaces.
            space = current_spaces(site, workspace_id).get(modality)
            space_id = space.id if space is not None else None
        if space_id is None:
            waiting += _mark(site, ids, "waiting")
        else:
            held = _held(site, space_id, ids)
            there += _mark(site, sorted(held), "embedded")
            lacking = set(ids) - held
            queued += embed_again(site, workspace_id, space_id, lacking, state=None if known else "pending")
    said = {
        "are embedded by a job": queued,
        "have their vector already": there,
        "wait for an encoder": waiting,
    }
    return ", ".join(f"{count} {what}" for what, count in said.items() if count)


def _held(site: Site, space_id: int, asset_ids: list[int]) -> set[int]:
    """Those that the space holds."""
    found: set[int] = set()
    for some in batches(asset_ids):
        with site.catalog.read() as session:
            held = select(Embedding.item_id).where(
                Embedding.space_id == space_id, Embedding.item_id.in_(some)
            )
            found.update(session.scalars(held))
    return found


def _mark(site: Site, asset_ids: list[int], state: str) -> int:
    for some in batches(asset_ids):
        with site.catalog.write() as session:
            session.execute(update(Asset).where(Asset.id.in_(some)).values(state=state))
    return len(asset_ids)
