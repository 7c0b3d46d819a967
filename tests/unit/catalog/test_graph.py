"""Statements as columns: followed as they were loaded, kept on disk, and never wrong where that is damaged."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, select
from tests.places import on

from chiasm.catalog import Catalog
from chiasm.catalog.graph import (
    CatalogGraph,
    current_graph,
    follow_graph,
    graph_folder,
    keep_graph,
    kept,
    load_graph,
)
from chiasm.catalog.models import Base, Change, Entity, Predicate, Triple
from chiasm.search.kept import clear_replicas


@pytest.fixture
def catalog(place: dict[str, str], tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(place.get("database_url", f"sqlite:///{tmp_path / 'catalog.sqlite'}"))
    if not place:
        with catalog.write() as session:
            Base.metadata.create_all(session.connection())
            session.add(Change(workspace_id=0, kind="epoch", row_id=42))
    yield catalog
    catalog.close()


class Writer:
    """Random changes of a workspace's statements."""

    def __init__(self, catalog: Catalog, seed: int) -> None:
        self.catalog, self.rng = catalog, random.Random(seed)
        self.workspace = catalog.workspace_id("graph")
        self.number = 0

    def step(self) -> int:
        with self.catalog.change(self.workspace) as session:
            for _ in range(self.rng.randrange(1, 5)):
                getattr(self, self.rng.choice(_STEPS))(session)
                session.flush()
            return self.catalog.bump_revision(session, self.workspace)

    def entity(self, session: Any) -> None:
        self.number += 1
        session.add(Entity(workspace_id=self.workspace, key=f"k{self.number}", attributes={}))

    def predicate(self, session: Any) -> None:
        self.number += 1
        session.add(Predicate(workspace_id=self.workspace, name=f"p{self.number}"))

    def edge(self, session: Any) -> None:
        end = self._any(session, Entity)
        self._state(session, object_id=end and end.id, object_ref=f"e:{self.number}")

    def literal(self, session: Any) -> None:
        value = self.rng.choice([1, "ü", None, {"value": "x", "lang": "de"}, [1.5, False]])
        ref = hashlib.sha256(json.dumps([value, self.number]).encode()).hexdigest()
        self._state(session, literal=value, object_ref=f"l:{ref}")

    def another(self, session: Any) -> None:
        if triple := self._any(session, Triple):
            name = self.rng.choice(["origin", "confidence", "subject_id"])
            subject = self._any(session, Entity)
            values = {"origin": "predicted", "confidence": self.rng.random(), "subject_id": subject.id}
            setattr(triple, name, values[name])
            triple.object_ref = f"{triple.object_ref[:2]}changed{self.number}"

    def sure(self, session: Any) -> None:
        # Nothing but a confidence: no other column tells.
        if triple := self._any(session, Triple):
            triple.confidence = self.rng.random()

    def drop(self, session: Any) -> None:
        if triple := self._any(session, Triple):
            session.delete(triple)

    def forget(self, session: Any) -> None:
        if self.rng.random() < 0.3 and (entity := self._any(session, Entity)):
            session.execute(
                delete(Triple).where((Triple.subject_id == entity.id) | (Triple.object_id == entity.id))
            )
            session.execute(delete(Entity).where(Entity.id == entity.id))
            session.expire_all()

    def _state(self, session: Any, **values: Any) -> None:
        self.number += 1
        subject, predicate = self._any(session, Entity), self._any(session, Predicate)
        if subject and predicate:
            about = {"origin": self.rng.choice(["stated", "table", "rule"]), "confidence": self.rng.random()}
            ends = {"subject_id": subject.id, "predicate_id": predicate.id}
            session.add(Triple(workspace_id=self.workspace, **ends, **about, **values))

    def _any(self, session: Any, table: Any) -> Any:
        ids = session.scalars(select(table.id).where(table.workspace_id == self.workspace)).all()
        return session.get(table, self.rng.choice(ids)) if ids else None


_STEPS = (*["entity"] * 2, "predicate", *["edge"] * 3, *["literal"] * 2, "another", "sure", "drop", "forget")


def shown(graph: CatalogGraph) -> list[Any]:
    """All statements in order, with their ids."""
    table = graph.table
    entities = dict(zip(table.nodes, graph.entity_ids.tolist(), strict=True))
    ids = [*graph.edge_ids.tolist(), *graph.literal_ids.tolist()]
    return [
        (number, entities[one.head], *one, entities.get(one.tail or ""))
        for number, one in zip(ids, table, strict=True)
    ]


def truth(session: Any, workspace: int) -> list[Any]:
    keys = dict(session.execute(select(Entity.id, Entity.key)).all())
    names = dict(session.execute(select(Predicate.id, Predicate.name)).all())
    rows = session.scalars(select(Triple).where(Triple.workspace_id == workspace).order_by(Triple.id)).all()
    said = [
        (
            row.id,
            row.subject_id,
            keys[row.subject_id],
            names[row.predicate_id],
            None if row.object_id is None else keys[row.object_id],
            row.literal,
            row.origin,
            row.confidence,
            row.object_id,
        )
        for row in rows
    ]
    return sorted(said, key=lambda one: one[-1] is None)


@on("local", "postgresql")
def test_following_is_the_same_as_loading(catalog: Catalog) -> None:
    for seed in range(8):
        writer = Writer(catalog, seed)
        writer.workspace = catalog.workspace_id(f"graph{seed}")
        held = None
        for _ in range(30):
            revision = writer.step()
            with catalog.read() as session:
                loaded = load_graph(session, writer.workspace, revision)
                held = loaded if held is None else follow_graph(session, writer.workspace, held, revision)
                assert held is not None
                assert shown(held) == shown(loaded) == truth(session, writer.workspace)
                assert held.revision == revision


@pytest.fixture
def grown(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Writer:
    monkeypatch.setattr(kept, "_WORTH_STATEMENTS", 1)
    monkeypatch.setattr(kept, "_current", {})
    writer = Writer(catalog, seed=3)
    for _ in range(30):
        writer.step()
    return writer


def test_a_kept_graph_is_opened_and_followed(catalog: Catalog, grown: Writer, tmp_path: Path) -> None:
    assert keep_graph(catalog, tmp_path, grown.workspace)
    assert not keep_graph(catalog, tmp_path, grown.workspace)
    grown.step()
    loads: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "load_graph", lambda *a: loads.append(1))
        found = current_graph(catalog, tmp_path, grown.workspace)
        assert current_graph(catalog, None, grown.workspace) is found and not loads
    with catalog.read() as session:
        assert shown(found) == truth(session, grown.workspace)
    assert keep_graph(catalog, tmp_path, grown.workspace)
    assert len(list(graph_folder(tmp_path, grown.workspace).iterdir())) == 1
    clear_replicas(tmp_path)
    assert list(graph_folder(tmp_path, grown.workspace).iterdir()) == []


def test_a_damaged_or_foreign_graph_is_not_used(catalog: Catalog, grown: Writer, tmp_path: Path) -> None:
    assert keep_graph(catalog, tmp_path, grown.workspace)
    (folder,) = graph_folder(tmp_path, grown.workspace).iterdir()
    file = folder / "edges.confidences.npy"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    found = current_graph(catalog, tmp_path, grown.workspace)
    assert not isinstance(found.table.edges.confidences, np.memmap)
    with catalog.read() as session:
        assert shown(found) == truth(session, grown.workspace)
    file.write_bytes(whole)
    opened = kept._opened(folder.parent)
    assert opened is not None
    with catalog.write() as session:
        session.execute(delete(Change).where(Change.kind == "epoch"))
        session.add(Change(workspace_id=0, kind="epoch", row_id=43))
    with catalog.read() as session:
        assert follow_graph(session, grown.workspace, opened, opened.revision + 1) is None
