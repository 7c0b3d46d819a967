"""A columnar copy of a workspace's entities, assets and graph, so that a hit needs no SQL."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.aliases import aliases
from chiasm.catalog.models import Asset, Domain, Entity, Predicate, Triple
from chiasm.errors import NotFoundError
from chiasm_graph import Triples

__all__ = ["Replica", "load_replica"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: More names than this are not searched for near matches.
_MAX_COMPARED = 20_000


@dataclass(frozen=True)
class Replica:
    """Entities by row, ascending by id; deleted ones are left out."""

    revision: int
    #: (rows,)
    ids: Ints
    keys: list[str]
    titles: list[str | None]
    #: (rows,) position in `domain_names`, -1 for none.
    domains: Ints
    domain_names: list[str]
    #: (rows,)
    stub: Bools
    #: (assets,) ascending
    asset_ids: Ints
    #: (assets,) row of the entity
    asset_rows: Ints
    #: modality -> (rows,): has an asset of it, embedded or not.
    has: dict[str, Bools]
    #: Edges between rows; relations are positions in `predicates`.
    graph: Triples
    predicates: list[str]
    #: Key of each merged entity -> row of the one that it means now.
    aliases: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def row_of_key(self) -> dict[str, int]:
        """Row of each key."""
        return {key: row for row, key in enumerate(self.keys)}

    @cached_property
    def linked(self) -> Bools:
        """Whether each row has a neighbour, ``(rows,)``."""
        return self.graph.degrees() > 0

    def rows_of(self, entity_ids: Ints) -> Ints:
        """Row of each entity, ``(n,)``; -1 where it is not (or no longer) known."""
        return _positions(self.ids, entity_ids)

    def rows_of_assets(self, asset_ids: Ints) -> Ints:
        """Row of each asset's entity, ``(n,)``; -1 where it is not known."""
        at = _positions(self.asset_ids, asset_ids)
        if not len(self.asset_rows):
            return at
        return np.where(at >= 0, self.asset_rows[at], -1)

    def row(self, key: str) -> int:
        """Row of an entity.

        Raises:
            NotFoundError: There is none; near matches are named.
        """
        row = self.row_of_key.get(key, self.aliases.get(key))
        if row is None:
            titled = (k for k, title in zip(self.keys, self.titles, strict=True) if title == key)
            near = [*islice(titled, 3)] or _near(key, self.keys)
            raise NotFoundError(f"there is no entity {key!r}", where="entity", remedy=_did_you_mean(near))
        return row

    def domain(self, name: str) -> int:
        """Position of a domain in `domain_names`.

        Raises:
            NotFoundError: There is none; near matches are named.
        """
        if name not in self.domain_names:
            near = _near(name, self.domain_names) or self.domain_names[:5]
            raise NotFoundError(f"there is no domain {name!r}", where="domain", remedy=_did_you_mean(near))
        return self.domain_names.index(name)


def load_replica(session: Session, workspace_id: int, revision: int) -> Replica:
    """The present content of a workspace."""
    domains = session.execute(
        select(Domain.id, Domain.name).where(Domain.workspace_id == workspace_id).order_by(Domain.name)
    ).all()
    entities = session.execute(
        select(Entity.id, Entity.key, Entity.title, Entity.domain_id, Entity.is_stub)
        .where(Entity.workspace_id == workspace_id, Entity.deleted_at.is_(None))
        .order_by(Entity.id)
    ).all()
    ids, keys, titles, domain_ids, stubs = _columns(entities, 5)
    entity_ids = _ints(ids)
    place = {domain_id: at for at, (domain_id, _) in enumerate(domains)}
    assets = session.execute(
        select(Asset.id, Asset.entity_id, Asset.modality)
        .where(Asset.workspace_id == workspace_id, Asset.state != "failed")
        .order_by(Asset.id)
    ).all()
    asset_ids, owners, modalities = _columns(assets, 3)
    rows = _positions(entity_ids, _ints(owners))
    graph, predicates = _graph(session, workspace_id, entity_ids)
    return Replica(
        revision=revision,
        ids=entity_ids,
        keys=list(keys),
        titles=list(titles),
        domains=_ints(place.get(domain_id, -1) for domain_id in domain_ids),
        domain_names=[name for _, name in domains],
        stub=np.fromiter(stubs, dtype=np.bool_, count=len(entity_ids)),
        asset_ids=_ints(asset_ids)[rows >= 0],
        asset_rows=rows[rows >= 0],
        has=_presence(rows, np.array(modalities, dtype=object), len(entity_ids)),
        graph=graph,
        predicates=predicates,
        aliases=_aliases(session, workspace_id, entity_ids),
    )


def _aliases(session: Session, workspace_id: int, entity_ids: Ints) -> dict[str, int]:
    found = aliases(session, workspace_id)
    rows = _positions(entity_ids, _ints(found.values()))
    return {key: int(row) for key, row in zip(found, rows, strict=True) if row >= 0}


def _graph(session: Session, workspace_id: int, entity_ids: Ints) -> tuple[Triples, list[str]]:
    predicates = session.execute(
        select(Predicate.id, Predicate.name)
        .where(Predicate.workspace_id == workspace_id)
        .order_by(Predicate.id)
    ).all()
    triples = session.execute(
        select(Triple.subject_id, Triple.predicate_id, Triple.object_id).where(
            Triple.workspace_id == workspace_id, Triple.object_id.is_not(None)
        )
    ).all()
    subjects, relations, objects = (_ints(column) for column in _columns(triples, 3))
    numbers = _ints(predicate_id for predicate_id, _ in predicates)
    heads, tails = _positions(entity_ids, subjects), _positions(entity_ids, objects)
    known = (heads >= 0) & (tails >= 0)
    graph = Triples(
        heads[known],
        _positions(numbers, relations)[known],
        tails[known],
        num_nodes=len(entity_ids),
        num_relations=len(predicates),
    )
    return graph, [name for _, name in predicates]


def _presence(rows: Ints, modalities: npt.NDArray[np.object_], count: int) -> dict[str, Bools]:
    found = {}
    for modality in ("text", "image", "audio"):
        mask = np.zeros(count, dtype=np.bool_)
        mask[rows[(modalities == modality) & (rows >= 0)]] = True
        found[modality] = mask
    return found


def _columns(rows: Iterable[Iterable[object]], width: int) -> tuple[tuple, ...]:
    return tuple(zip(*rows, strict=True)) or ((),) * width


def _ints(values: Iterable[int]) -> Ints:
    return np.fromiter(values, dtype=np.int64)


def _positions(known: Ints, wanted: Ints) -> Ints:
    if not len(known):
        return np.full(len(wanted), -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, at, -1)


def _near(name: str, names: list[str]) -> list[str]:
    pool = names if len(names) <= _MAX_COMPARED else [n for n in names if n[:3] == name[:3]][:_MAX_COMPARED]
    return difflib.get_close_matches(name, pool, n=3)


def _did_you_mean(near: list[str]) -> str:
    return f"did you mean {', '.join(map(repr, near))}?" if near else "see `chiasm search` for what there is"
