"""Derived triples in SQL: the set that is there becomes the set that is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, Double, Text, delete, select, update
from sqlalchemy import cast as sql_cast
from sqlalchemy import literal as sql_literal
from sqlalchemy.orm import Session, aliased

from chiasm.catalog import Catalog
from chiasm.catalog.bulk import insert_new, listed, rows_of
from chiasm.catalog.models import Entity, Predicate, Release, Triple, Workspace, table_of
from chiasm.errors import NotFoundError
from chiasm.fusion.manifest import read_origins
from chiasm.ingest.units import add_fuse_units
from chiasm.jobs import create_job
from chiasm.origins import RULE
from chiasm.settings import Settings

__all__ = ["Wanted", "nothing_wanted", "replace_derived"]

Ints = NDArray[np.int64]
_TRIPLE = table_of(Triple)
#: Triples that one transaction writes.
_BATCH = 2000
_COLUMNS = {
    "subject_id": BigInteger,
    "predicate_id": BigInteger,
    "object_id": BigInteger,
    "confidence": Double,
}


class Wanted(NamedTuple):
    """Triples by ids, each ``(triples,)``."""

    subjects: Ints
    predicates: Ints
    objects: Ints
    confidence: NDArray[np.float64]


class _Stored(NamedTuple):
    id: int
    subject_id: int
    predicate_id: int
    object_id: int
    confidence: float


class _Difference(NamedTuple):
    added: list[tuple[int, int, int, float]]
    removed: list[_Stored]
    changed: list[tuple[_Stored, float]]
    unchanged: int


def nothing_wanted() -> Wanted:
    """No triple."""
    none = np.zeros(0, dtype=np.int64)
    return Wanted(none, none, none, none.astype(np.float64))


def replace_derived(
    settings: Settings,
    catalog: Catalog,
    workspace_id: int,
    wanted: Wanted,
    relation: str | None,
    *,
    dry_run: bool,
) -> dict[str, Any]:
    """Write the difference in short transactions; `{"added", "removed", "changed", "unchanged", "job"}`.

    Whoever is killed in between leaves a part of the difference; the next time makes it whole. What users stated
    meanwhile stays as they stated it, and of deleted entities nothing is written.

    Args:
        settings: The home.
        catalog: Its catalog.
        workspace_id: Tenant.
        wanted: What rules say.
        relation: Of this relation alone; None: of all.
        dry_run: Only tell.

    Raises:
        NotFoundError: There is no such relation.
    """
    with catalog.read() as session:
        difference = _difference(wanted, _stored(session, workspace_id, relation))
    if dry_run:
        counts = (len(difference.added), len(difference.removed), len(difference.changed))
        job_id = None
    else:
        work = _Writer(settings, catalog, workspace_id)
        counts = (
            work.add(difference.added),
            work.remove(difference.removed),
            work.change(difference.changed),
        )
        job_id = work.job_id
    names = ("added", "removed", "changed")
    return {**dict(zip(names, counts, strict=True)), "unchanged": difference.unchanged, "job": job_id}


def _stored(session: Session, workspace_id: int, relation: str | None) -> list[_Stored]:
    columns = (getattr(Triple, name) for name in _Stored._fields)
    statement = select(*columns).where(
        Triple.workspace_id == workspace_id, Triple.origin == RULE, Triple.object_id.is_not(None)
    )
    if relation is not None:
        known = select(Predicate.id).where(Predicate.workspace_id == workspace_id, Predicate.name == relation)
        predicate_id = session.scalar(known)
        if predicate_id is None:
            raise NotFoundError(
                f"there is no relation {relation[:80]!r}", where="relation", remedy="check its name"
            )
        statement = statement.where(Triple.predicate_id == predicate_id)
    return [_Stored(*row) for row in session.execute(statement)]


def _difference(wanted: Wanted, stored: Sequence[_Stored]) -> _Difference:
    rows = zip(*(column.tolist() for column in wanted), strict=True)
    left = {(s, p, o): (s, p, o, confidence) for s, p, o, confidence in rows}
    removed, changed, same = [], [], 0
    for old in stored:
        new = left.pop(old[1:4], None)
        if new is None:
            removed.append(old)
        elif new[3] != old.confidence:
            changed.append((old, new[3]))
        else:
            same += 1
    return _Difference(list(left.values()), removed, changed, same)


class _Writer:
    """Writes batches, and asks for what they concern to be fused anew where the release reads derived triples."""

    def __init__(self, settings: Settings, catalog: Catalog, workspace_id: int) -> None:
        self._catalog, self._workspace_id = catalog, workspace_id
        self._release_id = _reading_release(settings, catalog, workspace_id)
        self.job_id: int | None = None

    def add(self, rows: Sequence[tuple[int, int, int, float]]) -> int:
        """How many of these triples were not there and are now."""
        return sum(self._write(_add, rows[at : at + _BATCH]) for at in range(0, len(rows), _BATCH))

    def remove(self, rows: Sequence[_Stored]) -> int:
        """How many of these triples are gone."""
        return sum(self._write(_remove, rows[at : at + _BATCH]) for at in range(0, len(rows), _BATCH))

    def change(self, rows: Sequence[tuple[_Stored, float]]) -> int:
        """How many of these triples have their new confidence."""
        return sum(self._write(_change, rows[at : at + _BATCH]) for at in range(0, len(rows), _BATCH))

    def _write(self, how: Any, rows: Sequence[Any]) -> int:
        with self._catalog.change(self._workspace_id) as session:
            concerned: list[tuple[int, int]] = how(session, self._workspace_id, rows)
            if concerned:
                self._catalog.bump_revision(session, self._workspace_id)
                # A graph token reads which edges there are, not how sure they are.
                if self._release_id is not None and how is not _change:
                    self._fuse(session, {end for ends in concerned for end in ends})
        return len(concerned)

    def _fuse(self, session: Session, entity_ids: set[int]) -> None:
        if self.job_id is None:
            self.job_id = create_job(session, self._workspace_id, "derive", {}).id
        assert self._release_id is not None
        add_fuse_units(session, self.job_id, self._release_id, entity_ids)


def _add(session: Session, workspace_id: int, rows: Sequence[Any]) -> list[tuple[int, int]]:
    given = rows_of(session, _COLUMNS, rows)
    subject, object_ = aliased(Entity), aliased(Entity)
    values: dict[str, Any] = {"workspace_id": sql_literal(workspace_id), "origin": sql_literal(RULE)}
    values |= {column.name: column for column in given.c}
    values["object_ref"] = sql_literal("e:").concat(sql_cast(given.c.object_id, Text))
    chosen = (
        select(*values.values())
        .join(subject, subject.id == given.c.subject_id)
        .join(object_, object_.id == given.c.object_id)
        .where(subject.deleted_at.is_(None), object_.deleted_at.is_(None))
    )
    statement = insert_new(session, _TRIPLE).from_select(list(values), chosen)
    written = statement.returning(_TRIPLE.c.subject_id, _TRIPLE.c.object_id)
    return [(row.subject_id, row.object_id) for row in session.execute(written)]


def _remove(session: Session, workspace_id: int, rows: Sequence[_Stored]) -> list[tuple[int, int]]:
    these = listed(session, BigInteger, [row.id for row in rows])
    # What somebody stated meanwhile is theirs.
    gone = delete(_TRIPLE).where(_TRIPLE.c.id.in_(these), _TRIPLE.c.origin == RULE)
    written = gone.returning(_TRIPLE.c.subject_id, _TRIPLE.c.object_id)
    return [(row.subject_id, row.object_id) for row in session.execute(written)]


def _change(
    session: Session, workspace_id: int, rows: Sequence[tuple[_Stored, float]]
) -> list[tuple[int, int]]:
    given = rows_of(
        session,
        {"triple_id": BigInteger, "certain": Double},
        [(old.id, confidence) for old, confidence in rows],
    )
    statement = (
        update(_TRIPLE)
        .where(_TRIPLE.c.id == given.c.triple_id, _TRIPLE.c.origin == RULE)
        .values(confidence=given.c.certain)
        .returning(_TRIPLE.c.subject_id, _TRIPLE.c.object_id)
    )
    return [(row.subject_id, row.object_id) for row in session.execute(statement)]


def _reading_release(settings: Settings, catalog: Catalog, workspace_id: int) -> int | None:
    """The active release, if its graph tokens read what rules derived."""
    with catalog.read() as session:
        active = select(Release).join(Workspace, Workspace.active_release_id == Release.id)
        release = session.scalar(active.where(Workspace.id == workspace_id))
    if release is None:
        return None
    return release.id if RULE in read_origins(settings.models_dir / release.folder) else None
