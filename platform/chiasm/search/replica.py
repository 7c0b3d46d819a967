"""A columnar copy of a workspace's entities, assets and graph, so that a hit needs no SQL."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

import numpy as np
import numpy.typing as npt

from chiasm.errors import NotFoundError
from chiasm.origins import GIVEN
from chiasm.search.keyed import KeyIndex
from chiasm.search.query import MODALITIES
from chiasm.search.texts import Texts
from chiasm_graph import Triples

__all__ = ["Bools", "Ints", "Replica", "positions"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: More names than this are not searched for near matches.
_MAX_COMPARED = 20_000


@dataclass(frozen=True)
class Replica:
    """Entities by row, ascending by id; immutable. Rows of deleted ones stay, and are not live."""

    #: Of the workspace.
    revision: int
    #: Tells databases apart; 0 where that is not known.
    epoch: int
    #: Newest entry of the log of changes that is in it.
    last_change: int
    #: (rows,)
    ids: Ints
    keys: Texts[str]
    titles: Texts[str | None]
    #: JSON
    attributes: Texts[str]
    #: (rows,) position in `domain_names`, -1 for none.
    domains: npt.NDArray[np.int32]
    domain_ids: tuple[int, ...]
    domain_names: list[str]
    #: (rows,)
    stub: Bools
    #: (rows,) not deleted
    live: Bools
    key_index: KeyIndex
    #: (assets,) ascending
    asset_ids: Ints
    #: (assets,) row of the entity
    asset_rows: npt.NDArray[np.int32]
    #: (assets,) position in `MODALITIES`
    asset_kinds: npt.NDArray[np.uint8]
    #: (triples,) ascending
    triple_ids: Ints
    #: Edges between rows; relations are positions in `predicates`.
    graph: Triples
    predicate_ids: tuple[int, ...]
    predicates: list[str]
    #: Where the statements in `graph` come from; others are left out.
    origins: tuple[str, ...] = GIVEN
    #: Key of each merged entity -> row of the one that it means now.
    aliases: dict[str, int] = field(default_factory=dict)
    #: Rows that differ from those of the replica that this one was made from, ascending, and its revision; None: loaded
    #: as a whole.
    touched: Ints | None = None
    before: int | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def empty(self) -> bool:
        """Whether there is no entity."""
        return not self.live.any()

    @cached_property
    def domain_at(self) -> list[str | None]:
        """Name by position; position -1 is none."""
        return [*self.domain_names, None]

    @cached_property
    def has(self) -> dict[str, Bools]:
        """Modality to whether each row has an asset of it, embedded or not, ``(rows,)``."""
        found = {}
        for kind, modality in enumerate(MODALITIES):
            mask = np.zeros(len(self), dtype=np.bool_)
            mask[self.asset_rows[self.asset_kinds == kind]] = True
            found[modality] = mask
        return found

    @cached_property
    def hits(self) -> Bools:
        """Rows that may be hits: live ones that are no stubs, ``(rows,)``; not to be written to."""
        return self.live & ~self.stub

    @cached_property
    def linked(self) -> Bools:
        """Whether each row has a neighbour, ``(rows,)``."""
        mask = np.zeros(len(self), dtype=np.bool_)
        others = self.graph.heads != self.graph.tails
        mask[self.graph.heads[others]] = True
        mask[self.graph.tails[others]] = True
        return mask

    def rows_of(self, entity_ids: Ints) -> Ints:
        """Row of each entity, ``(n,)``; -1 where it is not known."""
        return positions(self.ids, entity_ids)

    def rows_of_assets(self, asset_ids: Ints) -> Ints:
        """Row of each asset's entity, ``(n,)``; -1 where it is not known."""
        at = positions(self.asset_ids, asset_ids)
        if not len(self.asset_rows):
            return at
        return np.where(at >= 0, self.asset_rows[at], -1)

    def find(self, key: str) -> int | None:
        """Row of a live entity by its key alone."""
        for row in self.key_index.candidates(key):
            if self.keys[row] == key and self.live[row]:
                return row
        return None

    def row(self, key: str) -> int:
        """Row of an entity.

        Raises:
            NotFoundError: There is none; near matches are named.
        """
        row = self.find(key)
        row = self.aliases.get(key) if row is None else row
        if row is None:
            raise NotFoundError(
                f"there is no entity {key!r}", where="entity", remedy=_did_you_mean(self._nearest(key))
            )
        return row

    def domain(self, name: str) -> int:
        """Position of a domain in `domain_names`.

        Raises:
            NotFoundError: There is none; near matches are named.
        """
        # Domains that are gone leave an empty name.
        if not name or name not in self.domain_names:
            known = sorted(filter(None, self.domain_names))
            near = _near(name, known) or known[:5]
            raise NotFoundError(f"there is no domain {name!r}", where="domain", remedy=_did_you_mean(near))
        return self.domain_names.index(name)

    def predicate(self, name: str, what: str = "predicate") -> int:
        """Position of a predicate in `predicates`.

        Args:
            name: Of the predicate.
            what: What the asker calls it.

        Raises:
            NotFoundError: There is none; near matches are named.
        """
        # Predicates that are gone leave an empty name.
        if not name or name not in self.predicates:
            known = sorted(filter(None, self.predicates))
            near = _near(name, known) or known[:5]
            raise NotFoundError(f"there is no {what} {name[:80]!r}", where=what, remedy=_did_you_mean(near))
        return self.predicates.index(name)

    def _nearest(self, key: str) -> list[str]:
        rows = np.flatnonzero(self.live).tolist()
        if len(rows) <= _MAX_COMPARED:
            titled = (row for row in rows if self.titles[row] == key)
            found = [self.keys[row] for row in islice(titled, 3)]
            return found or _near(key, [self.keys[row] for row in rows])
        # Of a large catalogue, the part that was made at about the same time is as good a guess as any.
        return _near(key, [self.keys[row] for row in rows[:_MAX_COMPARED]])


def positions(known: Ints, wanted: Ints) -> Ints:
    """Where each wanted number stands among the known ones, which ascend, ``(n,)``; -1 where it does not."""
    if not len(known):
        return np.full(len(wanted), -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, at, -1)


def _near(name: str, names: Sequence[str]) -> list[str]:
    return difflib.get_close_matches(name, names, n=3)


def _did_you_mean(near: list[str]) -> str:
    return f"did you mean {', '.join(map(repr, near))}?" if near else "see `chiasm search` for what there is"
