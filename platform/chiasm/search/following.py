"""A replica at a newer revision, by what changed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from sqlalchemy.orm import Session

from chiasm.catalog.change_log import changed_rows, followable, id_conditions, log_marks
from chiasm.catalog.models import Asset, Domain, Entity, Predicate, Triple, table_of
from chiasm.search import fetch
from chiasm.search.fetch import Extent
from chiasm.search.replica import Ints, Replica
from chiasm.search.texts import Texts
from chiasm_graph import Triples

__all__ = ["follow"]

T = TypeVar("T", str, str | None)

_ENTITY_ID, _ASSET_ID, _TRIPLE_ID = (table_of(table).c.id for table in (Entity, Asset, Triple))


def follow(session: Session, workspace_id: int, old: Replica, revision: int) -> Replica | None:
    """The replica at a newer revision, by what changed since; None where it must be loaded as a whole."""
    marks = log_marks(session)
    if not followable(marks, old.epoch, old.last_change):
        return None
    changed = changed_rows(session, workspace_id, old.last_change)
    if sum(map(len, changed.values())) > max(1000, len(old) // 4):
        return None
    extent = fetch.extent(session, workspace_id)
    made = _follow_names(session, workspace_id, old, extent)
    made = _follow_entities(session, workspace_id, made, changed["entity"], extent)
    made = _follow_assets(session, workspace_id, made, changed["asset"], extent)
    made = _follow_edges(session, workspace_id, made, changed["triple"], extent)
    named = fetch.alias_rows(session, workspace_id, made.ids) if extent.merges else {}
    return replace(made, revision=revision, last_change=marks[1], aliases=named, before=old.revision)


def _conditions(column: Any, newest: int, there: int, changed: Ints) -> list[Any]:
    """What is to be asked for: rows beyond the newest that is known, where there are some, and changed ones."""
    return [*([column > newest] if there > newest else []), *id_conditions(column, changed)]


def _follow_names(session: Session, workspace_id: int, old: Replica, extent: Extent) -> Replica:
    # A name stays with its number; so many, up to this one, are those that are known.
    if (extent.domains, extent.domain) == _known(old.domain_ids, old.domain_names) and (
        extent.predicates,
        extent.predicate,
    ) == _known(old.predicate_ids, old.predicates):
        return old
    domains = fetch.names(session, Domain, workspace_id)
    predicates = fetch.names(session, Predicate, workspace_id)
    # Numbers of what is known stay; what is gone keeps its place, under a name that nothing has.
    new_domains = [one for one in domains if one not in old.domain_ids]
    new_predicates = [one for one in predicates if one not in old.predicate_ids]
    return replace(
        old,
        domain_ids=(*old.domain_ids, *new_domains),
        domain_names=[domains.get(one, "") for one in (*old.domain_ids, *new_domains)],
        predicate_ids=(*old.predicate_ids, *new_predicates),
        predicates=[predicates.get(one, "") for one in (*old.predicate_ids, *new_predicates)],
    )


def _known(ids: Sequence[int], names: Sequence[str]) -> tuple[int, int]:
    """How many are not gone, and the newest of them."""
    there = [one for one, name in zip(ids, names, strict=True) if name]
    return len(there), max(there, default=0)


def _follow_entities(
    session: Session, workspace_id: int, old: Replica, changed: Ints, extent: Extent
) -> Replica:
    newest = int(old.ids[-1]) if len(old) else 0
    wanted = _conditions(_ENTITY_ID, newest, extent.entity, changed)
    if not wanted:
        return replace(old, touched=np.zeros(0, dtype=np.int64))
    found = fetch.entities(session, workspace_id, wanted)
    rows = old.rows_of(found.ids)
    place = {domain_id: at for at, domain_id in enumerate(old.domain_ids)}
    domains = fetch.domain_codes(found.domain_ids, place)
    is_new = rows < 0
    again = np.flatnonzero(~is_new)
    new = np.flatnonzero(is_new)
    at = rows[again]
    gone = old.rows_of(np.setdiff1d(changed, found.ids))
    live = np.concatenate([old.live, found.live[new]])
    live[at] = found.live[again]
    live[gone[gone >= 0]] = False
    stub = np.concatenate([old.stub, found.stub[new]])
    stub[at] = found.stub[again]
    domain = np.concatenate([old.domains, domains[new]])
    domain[at] = domains[again]

    def texts(column: Texts[T], values: Sequence[T]) -> Texts[T]:
        changes = {int(row): values[one] for row, one in zip(at, again.tolist(), strict=True)}
        return column.extended(changes, [values[one] for one in new.tolist()])

    keys = texts(old.keys, found.keys)
    newer = {found.keys[one]: len(old) + n for n, one in enumerate(new.tolist())}
    newer |= {
        found.keys[one]: int(row)
        for row, one in zip(at, again.tolist(), strict=True)
        if old.keys[int(row)] != found.keys[one]
    }
    ids = np.concatenate([old.ids, found.ids[new]])
    graph = old.graph
    if len(ids) != len(old):
        graph = graph.with_nodes(len(ids))
    return replace(
        old,
        ids=ids,
        keys=keys,
        titles=texts(old.titles, found.titles),
        attributes=texts(old.attributes, found.attributes),
        domains=domain,
        stub=stub,
        live=live,
        touched=np.sort(np.concatenate([at, np.arange(len(old), len(ids)), gone[gone >= 0]])),
        key_index=old.key_index.extended(keys, newer) if newer else old.key_index,
        graph=graph,
    )


def _follow_assets(
    session: Session, workspace_id: int, old: Replica, changed: Ints, extent: Extent
) -> Replica:
    newest = int(old.asset_ids[-1]) if len(old.asset_ids) else 0
    wanted = _conditions(_ASSET_ID, newest, extent.asset, changed)
    if not wanted:
        return old
    found = fetch.assets(session, workspace_id, wanted)
    rows = old.rows_of(found.owners)
    known = rows >= 0
    if not len(found.ids) and not len(changed):
        return old
    keep = ~np.isin(old.asset_ids, np.concatenate([changed, found.ids]))
    ids = np.concatenate([old.asset_ids[keep], found.ids[known]])
    order = _ascending(ids)
    return replace(
        old,
        asset_ids=ids[order],
        asset_rows=np.concatenate([old.asset_rows[keep], rows[known].astype(np.int32)])[order],
        asset_kinds=np.concatenate([old.asset_kinds[keep], found.kinds[known]])[order],
    )


def _follow_edges(
    session: Session, workspace_id: int, old: Replica, changed: Ints, extent: Extent
) -> Replica:
    newest = int(old.triple_ids[-1]) if len(old.triple_ids) else 0
    wanted = _conditions(_TRIPLE_ID, newest, extent.triple, changed)
    found = fetch.edges(session, workspace_id, wanted, old.origins) if wanted else None
    if found is None or (not len(found.ids) and not len(changed)):
        return replace(old, graph=old.graph.with_relations(len(old.predicates)))
    keep = ~np.isin(old.triple_ids, np.concatenate([changed, found.ids]))
    new_ids, new = fetch.graph_of(found, old.ids, old.predicate_ids)
    ids = np.concatenate([old.triple_ids[keep], new_ids])
    order = _ascending(ids)
    graph = Triples(
        np.concatenate([old.graph.heads[keep], new.heads])[order],
        np.concatenate([old.graph.relations[keep], new.relations])[order],
        np.concatenate([old.graph.tails[keep], new.tails])[order],
        num_nodes=len(old),
        num_relations=len(old.predicates),
    )
    return replace(old, triple_ids=ids[order], graph=graph)


def _ascending(ids: Ints) -> Any:
    """What sorts the ids; nothing to do in most cases, as new ones come last."""
    return slice(None) if (ids[1:] > ids[:-1]).all() else np.argsort(ids, kind="stable")
