"""One batch: records first, then labels, then edges."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from chiasm.errors import ConflictError
from chiasm.ingest.prepare import Prepared
from chiasm.ingest.rows import Edge, Label
from chiasm.ingest.write.adopted import add_by_alias, adopt
from chiasm.ingest.write.assets import stored_assets, sync_assets
from chiasm.ingest.write.edges import add_edges, sync_relations
from chiasm.ingest.write.entities import (
    Known,
    ensure_stubs,
    insert_entities,
    look_up,
    look_up_deleted,
    name_ids,
    update_entities,
)
from chiasm.ingest.write.labels import add_labels
from chiasm.ingest.write.state import Effects, Targets, WriteState
from chiasm.ingest.write.tables import DOMAIN

__all__ = ["DEFAULT_DOMAIN", "Batch", "write_batch"]

#: Of entities whose source names none.
DEFAULT_DOMAIN = "default"


@dataclass
class Batch:
    """What is written together."""

    records: list[Prepared] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    #: Domain of entities that come into being without one.
    domain: str = DEFAULT_DOMAIN

    def __len__(self) -> int:
        return len(self.records) + len(self.labels) + len(self.edges)


def write_batch(
    session: Session,
    workspace_id: int,
    batch: Batch,
    targets: Targets,
    *,
    replace: bool,
    asked_at: float = math.inf,
    met: dict[str, int] | None = None,
) -> Effects:
    """Bring the catalog to what the batch says, in the caller's write transaction.

    Args:
        session: The transaction.
        workspace_id: Tenant.
        batch: Its media are in the blob store already.
        targets: Where assets will be embedded.
        replace: Whether a record clears the fields that it does not give.
        asked_at: When the batch was accepted (seconds since the epoch). An entity deleted after that stays
            deleted: the last word wins, however late the first one is worked on.
        met: Ids of entities that are known to be there, by key (`Met`); those that edges name are added.
    """
    state = WriteState(session, workspace_id, time.time(), targets, replace, asked_at)
    for unique in _rounds(batch.records):
        _write_records(state, unique, batch.domain)
    if batch.labels:
        add_labels(state, batch.labels, look_up(state, {label.key for label in batch.labels}), batch.domain)
    if batch.edges:
        _write_edges(state, batch.edges, {} if met is None else met)
    return state.effects


def _write_edges(state: WriteState, edges: Sequence[Edge], met: dict[str, int]) -> None:
    keys = {edge.head for edge in edges} | {edge.tail for edge in edges if edge.tail is not None}
    new = keys.difference(met)
    ensure_stubs(state, new, look_up_deleted(state, new))
    met.update((key, state.ids[key]) for key in new)
    state.effects.touched |= add_edges(state, edges, met)


def _rounds(records: Sequence[Prepared]) -> Iterator[list[Prepared]]:
    """Lists that hold each key once: a later line of the same key comes in a later one."""
    rounds: list[list[Prepared]] = []
    seen: dict[str, int] = {}
    for prepared in records:
        turn = seen.get(prepared.record.key, -1) + 1
        seen[prepared.record.key] = turn
        if turn == len(rounds):
            rounds.append([])
        rounds[turn].append(prepared)
    yield from rounds


def _write_records(state: WriteState, records: Sequence[Prepared], domain: str) -> None:
    objects = _objects(records)
    # Two writers that have both seen a revision must not both find it unchanged.
    guarded = any(p.record.if_revision is not None for p in records)
    known = look_up(state, {p.record.key for p in records} | objects, lock=guarded)
    changed, superseded, conflicts = [], 0, 0
    for prepared in records:
        one = known.get(prepared.record.key)
        if one is not None and one.deleted_at is not None and one.deleted_at >= state.asked_at:
            superseded += 1
            continue
        same = (
            one is not None
            and not one.deleted
            and one.record_hash == prepared.record_hash
            and not prepared.broken
        )
        conflict = None if same else _conflict(prepared, one)
        if conflict is not None:
            state.effects.conflicts.append((prepared, conflict))
            conflicts += 1
        elif not same:
            changed.append(prepared)
    if superseded:
        state.effects.counts["superseded"] += superseded
    state.effects.counts["unchanged"] += len(records) - len(changed) - superseded - conflicts
    aliased = [p for p in changed if p.record.key in known and known[p.record.key].alias]
    changed = [p for p in changed if not (p.record.key in known and known[p.record.key].alias)]
    if changed:
        _write_changed(state, changed, known, domain)
    if aliased:
        ensure_stubs(state, _objects(aliased), known)
        add_by_alias(state, [(known[p.record.key], p) for p in aliased])


def _write_changed(
    state: WriteState, changed: Sequence[Prepared], known: Mapping[str, Known], domain: str
) -> None:
    objects = _objects(changed)
    new = [p for p in changed if p.record.key not in known]
    old = [(known[p.record.key].id, p) for p in changed if p.record.key in known]
    # A stub, or what was deleted, comes into being now and needs a domain.
    for number, (entity_id, prepared) in enumerate(old):
        one = known[prepared.record.key]
        if prepared.record.domain is None and (one.is_stub or one.deleted):
            prepared.record = prepared.record._replace(domain=domain)
            old[number] = (entity_id, prepared)
    domains = {p.record.domain or domain for p in new} | {p.record.domain for _, p in old if p.record.domain}
    domain_ids = name_ids(state, DOMAIN, domains)
    insert_entities(
        state,
        [
            {
                "key": p.record.key,
                "domain_id": domain_ids[p.record.domain or domain],
                "title": p.record.title or None,
                "attributes": p.record.attributes or {},
                "record_hash": None if p.broken else p.record_hash,
            }
            for p in new
        ],
    )
    update_entities(state, old, domain_ids)
    deleted = {key for key, one in known.items() if one.deleted}
    ensure_stubs(state, objects - {p.record.key for p in changed}, deleted)
    every = [(state.ids[p.record.key], p) for p in new] + old
    old_ids = [entity_id for entity_id, _ in old]
    adopted = adopt(state, old)
    sync_assets(state, every, stored_assets(state, old_ids), adopted.contents)
    ends = sync_relations(state, every, set(old_ids), adopted.statements)
    state.effects.touched |= ends | {entity_id for entity_id, _ in every}
    filled = sum(known[p.record.key].is_stub or known[p.record.key].deleted for _, p in old)
    state.effects.counts["created"] += len(new) + filled
    state.effects.counts["updated"] += len(old) - filled


def _objects(records: Sequence[Prepared]) -> set[str]:
    return {r.object for p in records for r in p.record.relations or () if r.object is not None}


def _conflict(prepared: Prepared, one: Known | None) -> ConflictError | None:
    """Why a record may not be written: the entity is not what its writer saw."""
    seen = prepared.record.if_revision
    if seen is None:
        return None
    now = 0 if one is None or one.deleted else one.revision
    if now == seen:
        return None
    there = f"has revision {now}" if now else "is not there"
    return ConflictError(
        f"{prepared.record.key} {there}, the record was made for revision {seen}",
        where=prepared.where,
        remedy="read the entity again and hand in the record with its revision",
    )
