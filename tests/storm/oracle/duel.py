"""Operations drawn at random, done to a home and to the model, and what came of them compared."""

from __future__ import annotations

from collections import Counter, deque
from random import Random
from typing import Any

import pytest
from sqlalchemy import select
from tests.storm.oracle.compare import differences
from tests.storm.oracle.model import Model
from tests.storm.oracle.world import World

from chiasm.catalog.models import Asset, Entity, Space
from chiasm.errors import ConflictError, NotFoundError
from chiasm.ingest import delete_asset, delete_entity

__all__ = ["Duel"]

_WORDS = ("amber", "basalt", "cedar", "delta", "ember", "fjord")
_DOMAINS = (None, None, "stones", "trees")
_PREDICATES = ("near", "part_of")


class Duel:
    """A home, the model, and what was handed in and is not read yet.

    Args:
        world: The home.
        keys: How many keys there are to draw from; few, so that histories cross.
    """

    def __init__(self, world: World, keys: int = 12) -> None:
        self.world = world
        self.model = Model()
        self.done: Counter[str] = Counter()
        self._keys = [f"kw:{word} {n}" if n % 3 else f"id:{n}" for n, word in enumerate(_WORDS * keys)][:keys]
        self._unread: list[Any] = []
        self._said: dict[str, deque[dict[str, Any]]] = {
            mode: deque(maxlen=24) for mode in ("update", "replace")
        }
        #: What was done last, for who has to find out why something differs.
        self.story: deque[str] = deque(maxlen=200)

    # -- what is drawn ---------------------------------------------------------------------------

    def _key(self, draw: Random) -> str:
        return draw.choice(self._keys)

    def _text(self, draw: Random) -> str:
        return f"{draw.choice(_WORDS)} {draw.choice(_WORDS)} {draw.randrange(4)}"

    def _record(self, draw: Random) -> dict[str, Any]:
        record: dict[str, Any] = {"key": self._key(draw)}
        if (domain := draw.choice(_DOMAINS)) is not None:
            record["domain"] = domain
        if draw.random() < 0.5:
            record["title"] = self._text(draw) if draw.random() < 0.9 else ""
        if draw.random() < 0.5:
            record["text"] = [
                (self._text(draw), draw.choice((None, "en", "de"))) for _ in range(draw.randrange(4))
            ]
        if draw.random() < 0.25:
            record["images"] = [
                draw.randrange(6) if draw.random() < 0.95 else None for _ in range(draw.randrange(3))
            ]
        if draw.random() < 0.4:
            record["attributes"] = {"n": draw.randrange(3), "word": draw.choice(_WORDS)}
        if draw.random() < 0.4:
            record["relations"] = [
                (draw.choice(_PREDICATES), self._key(draw), draw.choice((1.0, 0.5)))
                for _ in range(draw.randrange(3))
            ]
        if draw.random() < 0.15:
            one = self.model.entries.get(record["key"])
            seen = 0 if one is None or one.deleted else one.revision
            record["if_revision"] = max(0, seen + draw.choice((0, 0, 1, -1)))
        return record

    # -- operations ------------------------------------------------------------------------------

    def hand_in(self, draw: Random) -> None:
        """Some records, which are read later."""
        mode = draw.choice(("update", "update", "replace"))
        said = self._said[mode]
        # Much is said again: then nothing changes, unless something else has changed meanwhile.
        records = [
            draw.choice(said) if said and draw.random() < 0.4 else self._record(draw)
            for _ in range(draw.randint(1, 20))
        ]
        said.extend(records)
        self.story.append(f"{mode}: {records}")
        self.world.submit(records, mode)
        self._unread.append(("records", mode, records, self.model.clock + 1))
        self.done["upsert"] += len(records)

    def hand_in_table(self, draw: Random) -> None:
        """Edges, which are read later."""
        rows = [
            (self._key(draw), draw.choice(_PREDICATES), self._key(draw), draw.choice((1.0, 0.25)))
            for _ in range(draw.randint(1, 4))
        ]
        self.story.append(f"table: {rows}")
        self.world.submit_table(rows)
        self._unread.append(("table", rows))
        self.done["edge"] += len(rows)

    def work(self, draw: Random) -> None:
        """Everything is read; now and then the worker dies over it."""
        dies = draw.randint(1, 9) if draw.random() < 0.5 else None
        self.story.append(f"work, dies after {dies}")
        refused = self.world.work(dies, commits=draw.random() < 0.5)
        for kind, *rest in self._unread:
            if kind == "table":
                self.model.table(rest[0])
                continue
            mode, records, accepted = rest
            self.model.records(records, replace=mode == "replace", accepted=accepted)
        self._unread.clear()
        assert len(refused) == len(self.model.refused), (refused, self.model.refused)
        self.model.refused.clear()
        self.done["kill" if dies else "work"] += 1

    def delete(self, draw: Random) -> None:
        """An entity, also one that never was, for a revision that it may not have."""
        key = self._key(draw)
        one = self.model.entries.get(key)
        seen = draw.choice((None, None, None, 1, one.revision if one is not None else 3))
        self.story.append(f"delete {key} of revision {seen}")
        catalog, workspace_id = self.world.catalog, self.world.workspace_id
        self.done["delete"] += 1
        if one is None:
            with pytest.raises(NotFoundError):
                delete_entity(catalog, workspace_id, key, if_revision=seen)
        elif not one.deleted and seen not in (None, one.revision):
            with pytest.raises(ConflictError):
                delete_entity(catalog, workspace_id, key, if_revision=seen)
        else:
            delete_entity(catalog, workspace_id, key, if_revision=seen)
            self.model.delete(key)

    def delete_part(self, draw: Random) -> None:
        """One text."""
        with self.world.catalog.read() as session:
            columns = Asset.id, Asset.value, Entity.key
            texts = (
                select(*columns).join(Entity, Entity.id == Asset.entity_id).where(Asset.modality == "text")
            )
            rows = session.execute(texts.order_by(Asset.id)).all()
        if rows:
            asset_id, value, key = draw.choice(rows)
            self.story.append(f"delete {value!r} of {key}")
            delete_asset(self.world.catalog, self.world.workspace_id, asset_id)
            self.model.delete_text(key, value)
            self.done["delete asset"] += 1

    def clear(self, draw: Random) -> None:
        """A domain, or (seldom) everything; and a record that was handed in after it was asked for stays."""
        self.work(draw)
        domain = draw.choice(("stones", "trees", "default")) if draw.random() < 0.9 else None
        known = {one.domain for one in self.model.entries.values() if not one.deleted}
        self.done["clear"] += 1
        if domain is not None and domain not in known:
            return
        self.story.append(f"clear {domain}")
        self.world.clear(domain)
        self.model.clear(domain)
        self.work(draw)

    def forget(self, draw: Random) -> None:
        """Two entities for good."""
        self.work(draw)
        keys = sorted({key for key in (self._key(draw), self._key(draw)) if key in self.model.entries})
        if keys:
            self.story.append(f"forget {keys}")
            self.world.forget(keys)
            self.model.forget(keys)
            self.done["forget"] += len(keys)
        self.work(draw)

    def search(self, draw: Random) -> None:
        """What was read before is found by its exact words, alone at the top; everything has its place."""
        self.done["search"] += 1
        texts = sorted({word for one in self.model.entries.values() if one.found for word in one.words})
        text = draw.choice(texts) if texts and draw.random() < 0.8 else self._text(draw)
        found = self.world.search(text)
        owners = self.model.owners(text)
        assert set(found[: len(owners)]) == owners, (text, found, owners)
        worded = {key for key, one in self.model.entries.items() if one.found and one.words}
        assert len(found) == len(set(found)) and set(found) == worded, (found, worded)

    def search_like(self, draw: Random) -> None:
        """By an entity, which may be gone."""
        self.done["search by entity"] += 1
        key = self._key(draw)
        one = self.model.entries.get(key)
        if one is None or one.deleted:
            with pytest.raises(NotFoundError):
                self.world.search_like(key)
            return
        hits = self.world.search_like(key)
        assert len(set(hits)) == len(hits)
        assert all(self.model.entries[hit].found for hit in hits), hits

    def restart(self, draw: Random) -> None:
        """Everything is started anew."""
        self.world.restart()
        self.done["restart"] += 1

    def tidy(self, draw: Random) -> None:
        """What idle workers do."""
        with self.world.catalog.read() as session:
            spaces = session.scalars(select(Space.id)).all()
        self.world.tidy(spaces)
        self.done["tidy"] += 1

    def check(self, draw: Random) -> None:
        """Work off, then compare all."""
        self.work(draw)
        found = differences(self.world, self.model)
        assert not found, found[:10]
        self.done["check"] += 1

    def step(self, draw: Random) -> None:
        """One of all these."""
        names, weights = zip(*WEIGHTS.items(), strict=True)
        getattr(self, draw.choices(names, weights)[0])(draw)

    @property
    def operations(self) -> int:
        """Done so far; comparisons are none."""
        return self.done.total() - self.done["check"]


WEIGHTS = {
    "hand_in": 30,
    "hand_in_table": 5,
    "work": 12,
    "delete": 10,
    "delete_part": 6,
    "clear": 2,
    "forget": 2,
    "search": 12,
    "search_like": 6,
    "restart": 1,
    "tidy": 2,
    "check": 6,
}
