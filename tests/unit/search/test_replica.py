from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, event, select
from tests.places import on

from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset, Base, Change, Domain, Entity, Predicate, Triple
from chiasm.search import kept
from chiasm.search.attributes import attribute_column
from chiasm.search.following import follow
from chiasm.search.kept import keep_replica, open_replica, replica_folder
from chiasm.search.keyed import KeyIndex
from chiasm.search.loading import load_replica
from chiasm.search.replica import Replica
from chiasm.search.texts import Texts


def test_texts_are_what_they_were_made_of() -> None:
    rng = random.Random(1)
    values: list[str | None] = [None, "", "a", "größe", "犬", "x" * 1000]
    texts = Texts.of(values)
    for _ in range(60):
        changed = {rng.randrange(len(values)): rng.choice(["b", None, "ü"]) for _ in range(rng.randrange(4))}
        new: list[str | None] = [rng.choice(["new", None, ""]) for _ in range(rng.randrange(3))]
        before, texts = list(texts), texts.extended(changed, new)
        assert before == values
        for at, value in changed.items():
            values[at] = value
        values += new
        if rng.random() < 0.2:
            texts = texts.packed()
        assert list(texts) == values
        assert texts[-1] == values[-1]
        assert [one.decode() for one in texts.encoded()] == [value or "" for value in values]
    with pytest.raises(IndexError):
        texts[len(values)]


def test_keys_with_equal_checksums_are_told_apart() -> None:
    # Two names of one CRC-32.
    keys = Texts.of(["plumless", "buckeroo", "other"])
    index = KeyIndex.of(keys)
    assert sorted(index.candidates("plumless")) == [0, 1]
    assert index.candidates("no such key") == []
    assert index.candidates("half \ud800") == []
    assert index.extended(keys, {"new": 7}).candidates("new") == [7]


class Writer:
    """Random changes of a workspace, as transactions that count its revision up."""

    def __init__(self, catalog: Catalog, seed: int) -> None:
        self.catalog, self.rng = catalog, random.Random(seed)
        self.workspace = catalog.workspace_id("replica")
        self.other = catalog.workspace_id("other")
        self.revision = 0
        self.number = 0

    def step(self) -> None:
        with self.catalog.change(self.workspace) as session:
            for _ in range(self.rng.randrange(1, 4)):
                getattr(self, self.rng.choice(_STEPS))(session)
                session.flush()
            self.revision = self.catalog.bump_revision(session, self.workspace)

    def add(self, session: Any) -> None:
        self.number += 1
        session.add(
            Entity(
                workspace_id=self.rng.choice([self.workspace, self.workspace, self.other]),
                key=f"k{self.number}",
                title=self.rng.choice([None, "one", "two"]),
                domain_id=self._name(session, Domain),
                attributes={"year": self.number % 7},
                is_stub=self.rng.random() < 0.2,
            )
        )

    def change(self, session: Any) -> None:
        if entity := self._any(session, Entity):
            name = self.rng.choice(["title", "attributes", "deleted_at", "is_stub", "domain_id", "back"])
            value = {
                "title": "three",
                "attributes": {"year": 99, "tags": ["x"]},
                "deleted_at": 1.0,
                "is_stub": True,
                "domain_id": self._name(session, Domain),
                "back": None,
            }[name]
            setattr(entity, "deleted_at" if name == "back" else name, value)

    def asset(self, session: Any) -> None:
        if entity := self._any(session, Entity):
            self.number += 1
            session.add(
                Asset(
                    workspace_id=self.workspace,
                    entity_id=entity.id,
                    modality=self.rng.choice(["text", "image", "audio"]),
                    sha256=f"{self.number:064d}",
                    size_bytes=1,
                    state=self.rng.choice(["pending", "failed"]),
                )
            )

    def move(self, session: Any) -> None:
        asset, entity = self._any(session, Asset), self._any(session, Entity)
        if asset and entity:
            asset.entity_id = entity.id
            asset.state = self.rng.choice(["embedded", "failed"])

    def drop(self, session: Any) -> None:
        for table in (Asset, Triple):
            if self.rng.random() < 0.5 and (row := self._any(session, table)):
                session.delete(row)

    def link(self, session: Any) -> None:
        subject, other = self._any(session, Entity), self._any(session, Entity)
        if subject and other:
            self.number += 1
            session.add(
                Triple(
                    workspace_id=self.workspace,
                    subject_id=subject.id,
                    predicate_id=self._name(session, Predicate),
                    object_id=other.id,
                    object_ref=f"e:{self.number}",
                )
            )

    def forget(self, session: Any) -> None:
        if self.rng.random() < 0.3 and (entity := self._any(session, Entity)):
            session.execute(delete(Asset).where(Asset.entity_id == entity.id))
            ends = (Triple.subject_id == entity.id) | (Triple.object_id == entity.id)
            session.execute(delete(Triple).where(ends))
            session.execute(delete(Entity).where(Entity.id == entity.id))
            session.expire_all()

    def _any(self, session: Any, table: Any) -> Any:
        ids = session.scalars(select(table.id).where(table.workspace_id == self.workspace)).all()
        return session.get(table, self.rng.choice(ids)) if ids else None

    def _name(self, session: Any, table: Any) -> int:
        name = self.rng.choice("abc")
        found = session.scalar(select(table.id).filter_by(workspace_id=self.workspace, name=name))
        if found is None:
            row = table(workspace_id=self.workspace, name=name)
            session.add(row)
            session.flush()
            found = row.id
        return int(found)


_STEPS = ("add", "add", "add", "change", "change", "asset", "asset", "move", "drop", "link", "link", "forget")


@pytest.fixture
def catalog(place: dict[str, str], tmp_path: Path) -> Iterator[Catalog]:
    url = place.get("database_url", f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    catalog = Catalog(url)
    if not place:
        with catalog.write() as session:
            Base.metadata.create_all(session.connection())
    yield catalog
    catalog.close()


def shown(replica: Replica) -> dict[str, Any]:
    """All that a search can see of it."""
    names = [f"{name}" for name in replica.predicates]
    live = np.flatnonzero(replica.live).tolist()
    kinds = ("text", "image", "audio")
    graph = replica.graph
    return {
        "entities": {
            replica.keys[row]: (
                int(replica.ids[row]),
                replica.titles[row],
                replica.attributes[row],
                replica.domain_names[replica.domains[row]] if replica.domains[row] >= 0 else None,
                bool(replica.stub[row]),
                bool(replica.linked[row]),
                tuple(bool(replica.has[kind][row]) for kind in kinds),
                replica.row(replica.keys[row] or "") == row,
            )
            for row in live
        },
        "assets": dict(
            zip(
                replica.asset_ids.tolist(),
                zip(replica.ids[replica.asset_rows].tolist(), replica.asset_kinds.tolist(), strict=True),
                strict=True,
            )
        ),
        "edges": sorted(
            zip(
                replica.ids[graph.heads].tolist(),
                (names[relation] for relation in graph.relations),
                replica.ids[graph.tails].tolist(),
                strict=True,
            )
        ),
        "degrees": {int(one): int(n) for one, n in zip(replica.ids, graph.degrees(), strict=True) if n},
    }


@on("local", "postgresql")
def test_following_is_the_same_as_loading(catalog: Catalog) -> None:
    writer = Writer(catalog, seed=7)
    for _ in range(20):
        writer.step()
    with catalog.read() as session:
        replica = load_replica(session, writer.workspace, writer.revision)
    columns = {name: attribute_column(replica.attributes, (name,)) for name in ("year", "tags")}
    followed = 0
    for turn in range(150):
        writer.step()
        if turn % 3:
            continue
        with catalog.read() as session:
            found = follow(session, writer.workspace, replica, writer.revision)
            whole = load_replica(session, writer.workspace, writer.revision)
        assert found is not None
        assert found.touched is not None
        followed += 1
        assert shown(found) == shown(whole)
        for name, column in columns.items():
            assert column is not None
            changed = found.attributes.encoded(found.touched.tolist())
            columns[name] = now = column.extended(changed, (name,), found.touched)
            again = attribute_column(found.attributes, (name,))
            assert now is not None and again is not None
            assert np.array_equal(now.compare("==", 99), again.compare("==", 99))
            assert np.array_equal(now.contains("x"), again.contains("x"))
            assert np.array_equal(now.present(), again.present())
        replica = found
    assert followed == 50
    # Another workspace's changes are none of this one's.
    with catalog.read() as session:
        assert all(one.startswith("k") for one in replica.keys if one)
        noted = set(session.scalars(select(Change.workspace_id)))
    assert noted >= {writer.workspace}


def test_following_looks_at_no_more_rows_than_changed(catalog: Catalog) -> None:
    writer = Writer(catalog, seed=5)
    for _ in range(60):
        writer.step()
    with catalog.read() as session:
        replica = load_replica(session, writer.workspace, writer.revision)
    for _ in range(12):
        writer.step()
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, values: Any, *rest: Any) -> None:
        asked.append((statement, values))

    event.listen(catalog.engine, "before_cursor_execute", note)
    with catalog.read() as session:
        assert follow(session, writer.workspace, replica, writer.revision) is not None
    event.remove(catalog.engine, "before_cursor_execute", note)
    # The greatest number is read at the end of an index, which its plan does not say.
    rows = [one for one in asked if "max(" not in one[0]]
    large = [one for one in rows if any(f"FROM {name} " in one[0] for name in ("entity", "asset", "triple"))]
    assert len(large) >= 3
    with catalog.engine.connect() as connection:
        for statement, values in large:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            steps = [row[-1] for row in plan if " USING " in row[-1] and "_merge" not in row[-1]]
            # By the number of the row, exactly or from one on: not by the workspace alone.
            assert steps and all("id>" in step or "rowid=" in step or "=? AND" in step for step in steps), (
                plan
            )


@pytest.fixture
def grown(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Writer:
    monkeypatch.setattr(kept, "_WORTH_ROWS", 1)
    with catalog.write() as session:
        session.add(Change(workspace_id=0, kind="epoch", row_id=42))
    writer = Writer(catalog, seed=3)
    for _ in range(30):
        writer.step()
    return writer


def test_a_kept_replica_is_opened_and_followed(catalog: Catalog, grown: Writer, tmp_path: Path) -> None:
    assert keep_replica(catalog, tmp_path, grown.workspace)
    assert not keep_replica(catalog, tmp_path, grown.workspace)
    opened = open_replica(tmp_path, grown.workspace)
    assert opened is not None
    with catalog.read() as session:
        assert shown(opened) == shown(load_replica(session, grown.workspace, grown.revision))
    for _ in range(5):
        grown.step()
    with catalog.read() as session:
        found = follow(session, grown.workspace, opened, grown.revision)
        assert found is not None
        assert shown(found) == shown(load_replica(session, grown.workspace, grown.revision))
    assert keep_replica(catalog, tmp_path, grown.workspace)
    newest = open_replica(tmp_path, grown.workspace)
    assert newest is not None
    assert newest.revision == grown.revision
    assert len(list(replica_folder(tmp_path, grown.workspace).glob("*/replica.json"))) == 1


def test_a_damaged_or_foreign_replica_is_not_used(catalog: Catalog, grown: Writer, tmp_path: Path) -> None:
    assert keep_replica(catalog, tmp_path, grown.workspace)
    (folder,) = (path.parent for path in replica_folder(tmp_path, grown.workspace).glob("*/replica.json"))
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        for spoilt in (whole[:-1], whole[:40] + bytes([whole[40] ^ 4]) + whole[41:], b""):
            path.write_bytes(spoilt)
            assert open_replica(tmp_path, grown.workspace) is None, path.name
        path.write_bytes(whole)
    opened = open_replica(tmp_path, grown.workspace)
    assert opened is not None
    with catalog.write() as session:
        session.execute(delete(Change).where(Change.kind == "epoch"))
        session.add(Change(workspace_id=0, kind="epoch", row_id=43))
    with catalog.read() as session:
        assert follow(session, grown.workspace, opened, grown.revision) is None
