"""A workspace's rows out of SQL as arrays, the whole of them or some."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Text, bindparam, cast, func, select
from sqlalchemy.orm import Session

from chiasm.catalog.aliases import aliases
from chiasm.catalog.models import Asset, Domain, Entity, EntityMerge, Predicate, Triple, table_of
from chiasm.search.query import MODALITIES
from chiasm.search.replica import Ints, positions
from chiasm_graph import Triples

__all__ = [
    "Assets",
    "Edges",
    "Entities",
    "Extent",
    "alias_rows",
    "assets",
    "domain_codes",
    "edges",
    "entities",
    "extent",
    "graph_of",
    "names",
]

_FETCH = 20_000
_KIND = {modality: kind for kind, modality in enumerate(MODALITIES)}

_MINE: Any = bindparam("workspace_id")
_ENTITY, _ASSET, _TRIPLE, _MERGE, _DOMAIN, _PREDICATE = (
    table_of(table).c for table in (Entity, Asset, Triple, EntityMerge, Domain, Predicate)
)


def _one(value: Any, table: Any) -> Any:
    return select(value).where(table.workspace_id == _MINE).scalar_subquery()


_EXTENT = select(
    *(_one(func.coalesce(func.max(table.id), 0), table) for table in (_ENTITY, _ASSET, _TRIPLE)),
    *(_one(func.count(), table) for table in (_DOMAIN, _PREDICATE, _MERGE)),
    *(_one(func.coalesce(func.max(table.id), 0), table) for table in (_DOMAIN, _PREDICATE)),
)
_NAMES = {
    model: select(table.id, table.name).where(table.workspace_id == _MINE).order_by(table.id)
    for model, table in ((Domain, _DOMAIN), (Predicate, _PREDICATE))
}
_ENTITIES = select(
    *(_ENTITY.id, _ENTITY.key, _ENTITY.title, cast(_ENTITY.attributes, Text), _ENTITY.domain_id),
    *(_ENTITY.is_stub, _ENTITY.deleted_at.is_(None)),
).where(_ENTITY.workspace_id == _MINE)
_ASSETS = select(_ASSET.id, _ASSET.entity_id, _ASSET.modality).where(
    _ASSET.workspace_id == _MINE, _ASSET.state != "failed"
)
_EDGES = select(_TRIPLE.id, _TRIPLE.subject_id, _TRIPLE.predicate_id, _TRIPLE.object_id).where(
    _TRIPLE.workspace_id == _MINE,
    _TRIPLE.object_id.is_not(None),
    _TRIPLE.origin.in_(bindparam("origins", expanding=True)),
)


class Extent(NamedTuple):
    """How far a workspace's tables go: whoever knows all rows up to there needs to ask for changed ones only."""

    #: Greatest id of each, 0 for none.
    entity: int
    asset: int
    triple: int
    #: Numbers of rows.
    domains: int
    predicates: int
    merges: int
    #: Greatest id, 0 for none.
    domain: int
    predicate: int


class Entities(NamedTuple):
    """Rows of entities, by id."""

    ids: Ints
    keys: list[str]
    titles: list[str | None]
    attributes: list[str]
    domain_ids: list[int | None]
    stub: npt.NDArray[np.bool_]
    live: npt.NDArray[np.bool_]


class Assets(NamedTuple):
    """Rows of assets that did not fail, by id."""

    ids: Ints
    owners: Ints
    kinds: npt.NDArray[np.uint8]


class Edges(NamedTuple):
    """Triples between entities, by id."""

    ids: Ints
    #: (triples, 3) subject, predicate and object ids
    ends: Ints


def extent(session: Session, workspace_id: int) -> Extent:
    """How far the tables go at present."""
    return Extent(*session.execute(_EXTENT, {"workspace_id": workspace_id}).one())


def names(session: Session, table: type[Domain] | type[Predicate], workspace_id: int) -> dict[int, str]:
    """Id to name of all domains or predicates, by id."""
    rows = session.execute(_NAMES[table], {"workspace_id": workspace_id})
    return {int(row[0]): str(row[1]) for row in rows}


def entities(session: Session, workspace_id: int, conditions: Sequence[Any] | None) -> Entities:
    """Entities under any of the conditions on columns of their table, deleted ones too; None means all."""
    rows = _sorted_rows(session, _ENTITIES, _ENTITY.id, {"workspace_id": workspace_id}, conditions)
    ids, keys, titles, attributes, domains, stub, live = _columns(rows, 7)
    return Entities(
        _ints(ids),
        list(keys),
        list(titles),
        list(attributes),
        list(domains),
        np.array(stub, dtype=np.bool_),
        np.array(live, dtype=np.bool_),
    )


def assets(session: Session, workspace_id: int, conditions: Sequence[Any] | None) -> Assets:
    """Assets under any of the conditions; None means all."""
    rows = _sorted_rows(session, _ASSETS, _ASSET.id, {"workspace_id": workspace_id}, conditions)
    ids, owners, modalities = _columns(rows, 3)
    return Assets(_ints(ids), _ints(owners), np.array([_KIND[m] for m in modalities], dtype=np.uint8))


def edges(
    session: Session, workspace_id: int, conditions: Sequence[Any] | None, origins: Sequence[str]
) -> Edges:
    """Triples of some origins under any of the conditions; None means all."""
    bound = {"workspace_id": workspace_id, "origins": list(origins)}
    ids, *ends = _columns(_sorted_rows(session, _EDGES, _TRIPLE.id, bound, conditions), 4)
    return Edges(_ints(ids), np.array(ends, dtype=np.int64).reshape(3, -1).T)


def graph_of(edges: Edges, entity_ids: Ints, predicate_ids: tuple[int, ...]) -> tuple[Ints, Triples]:
    """Ids and edges of triples whose ends are known."""
    heads, tails = positions(entity_ids, edges.ends[:, 0]), positions(entity_ids, edges.ends[:, 2])
    relations = positions(_ints(predicate_ids), edges.ends[:, 1])
    known = (heads >= 0) & (tails >= 0) & (relations >= 0)
    graph = Triples(
        heads[known],
        relations[known],
        tails[known],
        num_nodes=len(entity_ids),
        num_relations=len(predicate_ids),
    )
    return edges.ids[known], graph


def alias_rows(session: Session, workspace_id: int, entity_ids: Ints) -> dict[str, int]:
    """Key of each merged entity to the row of the one that it means now."""
    found = aliases(session, workspace_id)
    rows = positions(entity_ids, _ints(found.values()))
    return {key: int(row) for key, row in zip(found, rows, strict=True) if row >= 0}


def domain_codes(domain_ids: Iterable[int | None], place: dict[int, int]) -> npt.NDArray[np.int32]:
    """Place of each domain, -1 for none, ``(n,)``."""
    return np.fromiter((-1 if one is None else place.get(one, -1) for one in domain_ids), dtype=np.int32)


def _sorted_rows(
    session: Session, statement: Any, by: Any, bound: dict[str, Any], conditions: Sequence[Any] | None
) -> list[Any]:
    """Rows under any of the conditions (None: all), each once, by id."""
    if conditions is None:
        result = session.execute(statement.order_by(by).execution_options(yield_per=_FETCH), bound)
        return [row for some in result.partitions() for row in some]
    found: dict[int, Any] = {}
    for condition in conditions:
        found.update((row[0], row) for row in session.execute(statement.where(condition), bound))
    return [found[row_id] for row_id in sorted(found)]


def _columns(rows: Iterable[Iterable[Any]], width: int) -> tuple[Any, ...]:
    return tuple(zip(*rows, strict=True)) or ((),) * width


def _ints(values: Iterable[int]) -> Ints:
    return np.fromiter(values, dtype=np.int64)
