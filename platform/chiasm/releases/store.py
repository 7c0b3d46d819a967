"""Releases as rows: look one up by its public name, list, show and compare them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Embedding, Release, ReleaseSpace, Space, Workspace
from chiasm.errors import NotFoundError
from chiasm.releases.following import behind

__all__ = ["ReleaseInfo", "diff_releases", "find_release", "list_releases", "show_release"]


@dataclass(frozen=True)
class ReleaseInfo:
    """What the outside sees of a release."""

    release: str
    state: str
    recipe: dict[str, Any]
    seed: int
    revision: int
    parent: str | None
    created_at: float
    activated_at: float | None
    metrics: dict[str, Any]
    gate: dict[str, Any]
    error: str | None
    spaces: dict[str, dict[str, Any]]
    #: What happened to it, oldest first: `{"at", "event", "reason"}`.
    history: list[dict[str, Any]]
    #: Entities it has to catch up with before it holds all that is acknowledged: 0 where it answers; None: nobody
    #: knows, or has counted (in lists).
    behind: int | None
    #: Of the vectors that it answers from, those that its own models made; others stand in (`chiasm train --at-once`).
    made_share: float

    def to_dict(self) -> dict[str, Any]:
        """The release as JSON."""
        return asdict(self)


def find_release(session: Session, workspace_id: int, name: str | None) -> Release:
    """The release called `name` (`r7` or `7`); None means the active one.

    Raises:
        NotFoundError: There is none; the message names those that exist.
    """
    query = select(Release).where(Release.workspace_id == workspace_id)
    if name is None:
        active = session.scalar(select(Workspace.active_release_id).where(Workspace.id == workspace_id))
        found = session.scalar(query.where(Release.id == active)) if active is not None else None
        if found is None:
            raise NotFoundError(
                "no release is active yet", where="release", remedy="train one with `chiasm train`"
            )
        return found
    digits = name.removeprefix("r")
    plain = digits.isdecimal() and len(digits) < 10
    found = session.scalar(query.where(Release.number == int(digits))) if plain else None
    if found is None:
        known = [release.name for release in session.scalars(query.order_by(Release.number))]
        raise NotFoundError(
            f"no such release: {name}",
            where="release",
            remedy=f"there are {', '.join(known)}" if known else "train one with `chiasm train`",
        )
    return found


def list_releases(catalog: Catalog, workspace_id: int) -> list[ReleaseInfo]:
    """All releases of a workspace, newest first."""
    with catalog.read() as session:
        rows = session.scalars(
            select(Release).where(Release.workspace_id == workspace_id).order_by(Release.number.desc())
        )
        return [_info(session, row) for row in rows]


def show_release(catalog: Catalog, workspace_id: int, name: str | None = None) -> ReleaseInfo:
    """One release; None means the active one."""
    with catalog.read() as session:
        row = find_release(session, workspace_id, name)
        return replace(_info(session, row), behind=0 if row.state == "active" else behind(session, row))


def diff_releases(catalog: Catalog, workspace_id: int, first: str, second: str) -> dict[str, Any]:
    """What differs between two releases: recipe, seed and each figure that both have."""
    old, new = (show_release(catalog, workspace_id, name) for name in (first, second))
    return {
        "a": old.release,
        "b": new.release,
        "recipe": {"a": old.recipe, "b": new.recipe},
        "seed": {"a": old.seed, "b": new.seed},
        "retrieval": _paired(old.metrics, new.metrics),
    }


def _paired(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    before = {_row_key(row): row for row in old.get("retrieval", [])}
    pairs = []
    for row in new.get("retrieval", []):
        other = before.get(_row_key(row))
        if other is None:
            continue
        figures = {
            name: {"a": other[name], "b": row[name], "change": row[name] - other[name]}
            for name in ("hit@1", "hit@10", "mrr", "ndcg@10")
            if name in row and name in other
        }
        pairs.append(
            {**dict(zip(("query", "target", "from", "into"), _row_key(row), strict=True)), **figures}
        )
    return pairs


def _row_key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in ("query", "target", "from", "into"))


def _info(session: Session, row: Release) -> ReleaseInfo:
    parent = session.get(Release, row.parent_id) if row.parent_id is not None else None
    spaces = session.execute(
        select(
            ReleaseSpace.kind,
            Space.dim,
            Space.stamp,
            func.count(Embedding.item_id),
            func.count(Embedding.mapped),
        )
        .join(Space, Space.id == ReleaseSpace.space_id)
        .outerjoin(Embedding, Embedding.space_id == Space.id)
        .where(ReleaseSpace.release_id == row.id)
        .group_by(ReleaseSpace.kind, Space.dim, Space.stamp)
    ).all()
    total = sum(rows for *_, rows, _ in spaces)
    stands_in = sum(mapped for *_, mapped in spaces)
    return ReleaseInfo(
        release=row.name,
        state=row.state,
        recipe=row.recipe,
        seed=row.seed,
        revision=row.revision,
        parent=parent.name if parent else None,
        created_at=row.created_at,
        activated_at=row.activated_at,
        metrics=row.metrics,
        gate=row.gate,
        error=row.error,
        spaces={
            kind: {"dim": dim, "stamp": stamp[:12], "rows": rows, "mapped": mapped}
            for kind, dim, stamp, rows, mapped in spaces
        },
        history=row.history or [],
        behind=0 if row.state == "active" else None,
        made_share=1.0 - stands_in / total if total else 1.0,
    )
