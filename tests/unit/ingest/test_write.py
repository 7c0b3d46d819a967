"""Batches into the catalog: what an update, a replacement, a stub and a repetition do."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset, Domain, Entity, Predicate, Triple
from chiasm.ingest.delete import delete_entity
from chiasm.ingest.prepare import prepare
from chiasm.ingest.records import parse_record
from chiasm.ingest.rows import Edge, Label
from chiasm.ingest.sources import MediaSource
from chiasm.ingest.write import Batch, Effects, Targets, write_batch
from chiasm_migrations.upgrade import upgrade_schema

Raw = dict[str, Any]


class Book:
    """A workspace, written to and read back as plain values."""

    def __init__(self, folder: Path) -> None:
        self.catalog = Catalog(f"sqlite:///{folder / 'catalog.sqlite'}")
        upgrade_schema(self.catalog.engine)
        self.workspace = self.catalog.workspace_id("w")
        self.source = MediaSource(folder)

    def write(
        self,
        *records: Raw,
        mode: str = "update",
        edges: Sequence[Edge] = (),
        labels: Sequence[Label] = (),
        asked_at: float = math.inf,
    ) -> Effects:
        prepared = [
            prepare(parse_record(raw), self.source, where=f"m:{n}", raw=raw, line=n, mode=mode)
            for n, raw in enumerate(records)
        ]
        batch = Batch(prepared, list(labels), list(edges))
        with self.catalog.write() as session:
            return write_batch(
                session,
                self.workspace,
                batch,
                Targets({"text": 1}, None),
                replace=mode == "replace",
                asked_at=asked_at,
            )

    def entity(self, key: str) -> Raw:
        with self.catalog.read() as session:
            row = session.execute(
                select(Entity, Domain.name)
                .outerjoin(Domain, Domain.id == Entity.domain_id)
                .where(Entity.key == key)
            ).one()
            texts = session.execute(
                select(Asset.value, Asset.role).where(Asset.entity_id == row[0].id).order_by(Asset.position)
            )
            triples = session.execute(
                select(Predicate.name, Triple.object_ref, Triple.literal, Triple.origin, Triple.confidence)
                .join(Predicate, Predicate.id == Triple.predicate_id)
                .where(Triple.subject_id == row[0].id)
                .order_by(Triple.id)
            ).all()
            keys = dict(session.execute(select(Entity.id, Entity.key)).all())
            return {
                "title": row[0].title,
                "domain": row[1],
                "stub": row[0].is_stub,
                "attributes": row[0].attributes,
                "text": [(value, role) for value, role in texts],
                "edges": {
                    (name, keys[int(ref[2:])] if ref.startswith("e:") else literal)
                    for name, ref, literal, _, _ in triples
                },
            }


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path)


def to(predicate: str, target: str) -> Raw:
    return {"predicate": predicate, "object": target}


FULL: Raw = {
    "key": "a",
    "domain": "d",
    "title": "dog",
    "text": ["dog", {"value": "barks", "role": "gloss"}],
    "attributes": {"n": 1},
    "relations": [to("is", "kw:animal"), {"predicate": "legs", "value": 4}],
}


def test_a_record_and_its_stubs(book: Book) -> None:
    effects = book.write(FULL)
    assert book.entity("a") == {
        "title": "dog",
        "domain": "d",
        "stub": False,
        "attributes": {"n": 1},
        "text": [("dog", "title"), ("barks", "gloss")],
        "edges": {("is", "kw:animal"), ("legs", 4)},
    }
    stub = book.entity("kw:animal")
    assert stub["stub"] and stub["domain"] is None and stub["text"] == [("animal", "key")]
    assert effects.counts["created"] == 1 and effects.counts["stubs"] == 1 and effects.counts["triples"] == 2
    assert len(effects.pending["text"]) == 3


def test_the_same_again_does_nothing(book: Book) -> None:
    book.write(FULL)
    effects = book.write(FULL)
    assert dict(effects.counts) == {"unchanged": 1} and not effects.changed and not effects.touched


UPDATES: list[tuple[Raw, Raw]] = [
    ({"title": "hound"}, {"title": "hound", "text": [("hound", "title"), ("dog", None), ("barks", "gloss")]}),
    ({"text": ["runs"]}, {"text": [("dog", "title"), ("runs", None)]}),
    ({"text": []}, {"text": [("dog", "title")]}),
    ({"title": ""}, {"title": None, "text": [("dog", None), ("barks", "gloss")]}),
    ({"attributes": {"m": 2}}, {"attributes": {"m": 2}}),
    ({"relations": [to("is", "kw:pet")]}, {"edges": {("is", "kw:pet")}}),
    ({"relations": []}, {"edges": set()}),
    ({"domain": "e"}, {"domain": "e"}),
]


@pytest.mark.parametrize(("change", "expected"), UPDATES)
def test_update_replaces_what_is_given_and_keeps_the_rest(book: Book, change: Raw, expected: Raw) -> None:
    book.write(FULL)
    before = book.entity("a")
    effects = book.write({"key": "a", **change})
    assert book.entity("a") == {**before, **expected}
    assert effects.counts["updated"] == 1
    # Back again, whatever came between.
    book.write(FULL)
    assert book.entity("a") == before


def test_replace_clears_the_rest(book: Book) -> None:
    book.write(FULL)
    book.write({"key": "a", "title": "x"}, mode="replace")
    assert book.entity("a") == {
        "title": "x",
        "domain": "d",
        "stub": False,
        "attributes": {},
        "text": [("x", "title")],
        "edges": set(),
    }


def test_only_new_texts_are_embedded(book: Book) -> None:
    book.write(FULL)
    effects = book.write({**FULL, "text": ["dog", "barks", "new"], "title": "dog"})
    assert len(effects.pending["text"]) == 1 and effects.counts["removed"] == 0


def test_a_stub_is_filled_by_its_own_line(book: Book) -> None:
    book.write(FULL)
    effects = book.write({"key": "kw:animal", "title": "Animal"})
    filled = book.entity("kw:animal")
    assert not filled["stub"] and filled["domain"] == "default" and filled["text"] == [("Animal", "title")]
    assert effects.counts["created"] == 1 and effects.counts["updated"] == 0
    assert book.entity("a")["edges"] == {("is", "kw:animal"), ("legs", 4)}


def test_a_key_twice_in_a_batch_is_two_updates_in_order(book: Book) -> None:
    book.write(
        {"key": "a", "title": "one"},
        {"key": "b"},
        {"key": "a", "text": "two"},
        {"key": "a", "title": "three"},
    )
    assert book.entity("a")["text"] == [("three", "title"), ("two", None)]


def test_an_object_of_the_same_batch_is_no_stub(book: Book) -> None:
    effects = book.write({"key": "a", "relations": [to("next", "b"), to("next", "a")]}, {"key": "b"})
    assert effects.counts["stubs"] == 0 and not book.entity("b")["stub"]


def test_edges_of_tables_outlive_the_record(book: Book) -> None:
    book.write(FULL)
    effects = book.write(
        edges=[Edge("a", "depicts", "kw:dog"), Edge("a", "is", "kw:animal"), Edge("z", "is", "a")]
    )
    assert effects.counts["triples"] == 3 and book.entity("z")["stub"]
    assert book.write(edges=[Edge("a", "depicts", "kw:dog")]).counts == {
        "unchanged": 1,
        "stubs": 0,
        "triples": 0,
    }
    book.write({"key": "a", "relations": []})
    assert book.entity("a")["edges"] == {("depicts", "kw:dog"), ("is", "kw:animal")}


def test_labels(book: Book) -> None:
    book.write(edges=[Edge("http://x/dog", "p", "http://x/bone")])
    labels = [
        Label("http://x/dog", "Dog", "en"),
        Label("http://x/dog", "Hund", "de"),
        Label("http://x/cat", "Cat"),
    ]
    book.write(labels=labels)
    dog = book.entity("http://x/dog")
    assert dog["title"] == "Dog" and not dog["stub"] and dog["domain"] == "default"
    assert (
        dog["text"][0] == ("Dog", "title")
        and ("Hund", None) in dog["text"]
        and ("dog", "key") not in dog["text"]
    )
    assert book.entity("http://x/cat")["text"] == [("Cat", "title")]
    assert not book.write(labels=labels).changed


def test_modalities_without_encoder_wait(book: Book, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    effects = book.write({"key": "a", "image": ["a.png", "a.png", "missing.png"]})
    with book.catalog.read() as session:
        assert session.scalars(select(Asset.state)).all() == ["waiting"]
    assert not effects.pending and not effects.waiting
    # What could not be read takes nothing away, and is tried again.
    again = book.write({"key": "a", "image": ["missing.png"]})
    assert again.counts["updated"] == 1 and again.counts["removed"] == 0


def test_what_was_accepted_before_a_deletion_does_not_undo_it(book: Book) -> None:
    book.write({"key": "a", "text": "first"})
    before = time.time()
    delete_entity(book.catalog, book.workspace, "a")
    late = book.write({"key": "a", "text": "second"}, {"key": "b", "text": "other"}, asked_at=before)
    assert (late.counts["superseded"], late.counts["created"]) == (1, 1)
    with book.catalog.read() as session:
        assert session.scalars(select(Entity.key).where(Entity.deleted_at.is_(None))).all() == ["b"]
    again = book.write({"key": "a", "text": "third"}, asked_at=time.time() + 1)
    assert again.counts["created"] == 1
    assert book.entity("a")["text"] == [("third", None)]


def test_an_id_never_comes_again(book: Book) -> None:
    book.write({"key": "a", "text": "first"})
    with book.catalog.read() as session:
        [first] = session.scalars(select(Asset.id)).all()
    book.write({"key": "a", "text": "second"})
    with book.catalog.read() as session:
        [second] = session.scalars(select(Asset.id)).all()
    # The first is gone; a unit that still embeds it must not find another asset under its number.
    assert second > first
