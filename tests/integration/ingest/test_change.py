"""Changing what is there: revisions, deletions small and large, interrupted and repeated."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.places import CATALOGS, on

from chiasm import ingest, jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset, Domain, Entity, Triple
from chiasm.errors import ConflictError, NotFoundError
from chiasm.ingest import clear
from chiasm.ingest.prepare import prepare
from chiasm.ingest.records import parse_record
from chiasm.ingest.sources import MediaSource
from chiasm.ingest.write import Batch, Targets, write_batch
from chiasm.media import BlobStore
from chiasm.search import Part, Query, Searcher

from .conftest import Home
from .test_units import count, manifest, png


def entity(home: Home, key: str) -> Entity:
    with home.catalog.read() as session:
        return session.scalars(select(Entity).where(Entity.key == key)).one()


def found(home: Home, text: str, **options: Any) -> set[str]:
    searcher = Searcher(home.settings, home.catalog, home.tools.models)
    answer = searcher.search(home.workspace_id, Query(parts=[Part("text", text)], k=50, **options))
    return {hit.key for hit in answer.hits}


FULL = {
    "key": "a",
    "title": "dog",
    "text": ["barks", "runs"],
    "image": ["a.png"],
    "attributes": {"n": 1},
    "relations": [{"predicate": "is", "object": "kw:animal"}],
}


@pytest.mark.parametrize(
    ("change", "mode", "encoded", "left"),
    [
        ({}, "update", 0, {"text": 3, "image": 1}),
        ({"attributes": {"n": 2}}, "update", 0, {"text": 3, "image": 1}),
        ({"title": "hound"}, "update", 1, {"text": 3, "image": 1}),
        ({"text": ["barks", "sleeps"]}, "update", 1, {"text": 3, "image": 1}),
        ({"text": ["runs", "barks"]}, "update", 0, {"text": 3, "image": 1}),
        ({"image": []}, "update", 0, {"text": 3}),
        ({"image": ["b.png"]}, "update", 1, {"text": 3, "image": 1}),
        ({"image": ["a.png", "b.png"]}, "update", 1, {"text": 3, "image": 2}),
        ({"title": "dog"}, "replace", 0, {"text": 1}),
        ({**FULL, "title": "hound"}, "replace", 1, {"text": 3, "image": 1}),
        ({}, "replace", 0, {}),
    ],
)
def test_only_what_changed_is_encoded(
    home: Home, tmp_path: Path, change: dict[str, Any], mode: str, encoded: int, left: dict[str, int]
) -> None:
    folder = tmp_path / "data"
    path = manifest(folder, FULL)
    (folder / "a.png").write_bytes(png())
    (folder / "b.png").write_bytes(png("blue"))
    home.ingest(path)
    home.given.clear()
    home.ingest(manifest(folder, {"key": "a", **change}, name="n.jsonl"), mode=mode)
    assert sum(home.given) == encoded
    with home.catalog.read() as session:
        mine = select(Asset.modality, func.count()).where(Asset.entity_id == entity(home, "a").id)
        assert dict(session.execute(mine.group_by(Asset.modality)).all()) == left


@on(*CATALOGS)
@pytest.mark.parametrize(
    ("seen", "conflict"),
    [
        (None, None),
        (2, None),
        (1, "has revision 2, the record was made for revision 1"),
        (3, "has revision 2, the record was made for revision 3"),
        (0, "has revision 2, the record was made for revision 0"),
    ],
)
def test_a_record_for_another_revision_fails_alone(
    home: Home, tmp_path: Path, seen: int | None, conflict: str | None
) -> None:
    home.ingest(manifest(tmp_path / "d", {"key": "a", "title": "one"}))
    home.ingest(manifest(tmp_path / "d", {"key": "a", "title": "two"}))
    again = {"key": "a", "title": "three", **({} if seen is None else {"if_revision": seen})}
    result, job_id = home.ingest(manifest(tmp_path / "d", again, {"key": "b", "title": "other"}))
    letters = home.failures(job_id)
    if conflict is None:
        assert not letters and entity(home, "a").title == "three" and entity(home, "a").revision == 3
    else:
        assert entity(home, "a").title == "two" and entity(home, "a").revision == 2
        (letter,) = letters
        assert conflict in letter.error["what"] and letter.error["error"] == "conflict" and letter.key == "a"
        # The other record is written, and the stale one is not tried again behind its writer's back.
        assert result["created"] == 1 and result["failed"] == 1 and jobs.retry(home.catalog, job_id) == 0


@on(*CATALOGS)
@pytest.mark.parametrize("twice", [False, True])
def test_of_writers_that_saw_the_same_only_the_first_wins(home: Home, tmp_path: Path, twice: bool) -> None:
    home.ingest(manifest(tmp_path / "d", {"key": "a", "title": "zero"}))
    lines = [{"key": "a", "title": name, "if_revision": 1} for name in ("first", "second")]
    # In one file they meet in one batch, in two files in two transactions.
    names = [manifest(tmp_path / "d", *lines)] if not twice else []
    names = names or [manifest(tmp_path / "d", line, name=f"{n}.jsonl") for n, line in enumerate(lines)]
    result, job_id = home.ingest(*names)
    assert entity(home, "a").title == "first" and len(home.failures(job_id)) == 1 and result["updated"] == 1


@on(*CATALOGS)
def test_revision_zero_makes_only_what_is_not_there(home: Home, tmp_path: Path) -> None:
    line = {"key": "a", "title": "one", "if_revision": 0}
    assert home.ingest(manifest(tmp_path / "d", line))[0]["created"] == 1
    # The very same again is no conflict: it is what its writer wanted.
    assert home.ingest(manifest(tmp_path / "d", line))[0] == {"rows": 1, "unchanged": 1}
    ingest.delete_entity(home.catalog, home.workspace_id, "a")
    assert home.ingest(manifest(tmp_path / "d", {**line, "title": "two"}))[0]["created"] == 1


@on(*CATALOGS)
def test_deleting_for_a_revision(home: Home, tmp_path: Path) -> None:
    home.ingest(manifest(tmp_path / "d", {"key": "a", "title": "one"}))
    with pytest.raises(ConflictError, match="has revision 1, not 7"):
        ingest.delete_entity(home.catalog, home.workspace_id, "a", if_revision=7)
    ingest.delete_entity(home.catalog, home.workspace_id, "a", if_revision=1)
    assert entity(home, "a").deleted_at is not None


@on(*CATALOGS)
def test_a_deleted_key_comes_back_as_new(home: Home, tmp_path: Path) -> None:
    path = manifest(tmp_path / "d", {"key": "a", "title": "dog"}, {"key": "b", "title": "cat"})
    home.ingest(path)
    assert found(home, "dog") == {"a", "b"}
    ingest.delete_entity(home.catalog, home.workspace_id, "a")
    assert found(home, "dog") == {"b"} and entity(home, "a").title is None
    home.ingest(path)
    assert found(home, "dog") == {"a", "b"} and entity(home, "a").title == "dog"


@on(*CATALOGS)
def test_deleting_one_asset(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    path = manifest(folder, FULL)
    (folder / "a.png").write_bytes(png())
    home.ingest(path)
    with home.catalog.read() as session:
        ids = {row.value or row.modality: row.id for row in session.scalars(select(Asset))}
    ingest.delete_asset(home.catalog, home.workspace_id, ids["image"])
    ingest.delete_asset(home.catalog, home.workspace_id, ids["dog"])
    assert home.embedded() == {"text": 3} and entity(home, "a").title is None
    assert entity(home, "a").revision == 3
    with pytest.raises(NotFoundError):
        ingest.delete_asset(home.catalog, home.workspace_id, ids["image"])
    with pytest.raises(NotFoundError):
        ingest.delete_asset(home.catalog, home.catalog.workspace_id("other"), ids["barks"])
    # Its record brings it back.
    home.ingest(path)
    assert home.embedded() == {"text": 4, "image": 1} and entity(home, "a").title == "dog"


def fill(home: Home, tmp_path: Path) -> Path:
    pets = ({"key": f"p{n}", "domain": "pets", "title": f"pet {n}"} for n in range(25))
    tools = (
        {
            "key": f"t{n}",
            "domain": "tools",
            "title": f"tool {n}",
            "relations": [{"predicate": "for", "object": f"p{n}"}],
        }
        for n in range(5)
    )
    path = manifest(tmp_path / "d", *pets, *tools)
    home.ingest(path)
    return path


@on(*CATALOGS)
def test_deleting_a_domain_interrupted(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clear, "_BATCH", 10)
    path = fill(home, tmp_path)
    with pytest.raises(NotFoundError):
        clear.submit_clear(home.settings, home.catalog, home.workspace_id, "birds")
    job_id = clear.submit_clear(home.settings, home.catalog, home.workspace_id, "pets")
    # Comes after the request, so it is read after it and stays, and its domain with it.
    late = manifest(tmp_path / "late", {"key": "p3", "domain": "pets", "title": "pet three"})
    ingest.submit_ingest(home.settings, home.catalog, home.workspace_id, late)
    [claim] = jobs.claim(home.catalog, ["ingest"], "test", limit=9)

    def die(self: Any, *arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(jobs.WorkContext, "beat", die)
        heart = jobs.Heart(home.catalog, claim, lambda: False)
        with pytest.raises(KeyboardInterrupt):
            clear.clear_unit(jobs.WorkContext(home.tools, claim, heart), claim)
    with home.catalog.read() as session:
        left = session.scalar(select(func.count()).where(Entity.deleted_at.is_(None)))
        assert left == 20
    jobs.release(home.catalog, claim)
    home.work()
    result = home.result(job_id)
    assert result["deleted"] == 25 and result["statements"] == 5
    assert found(home, "pet") == {"p3", *(f"t{n}" for n in range(5))} and found(home, "x", into="pets") == {
        "p3"
    }
    # Ingested again, all is back.
    home.ingest(path)
    assert len(found(home, "pet")) == 30 and count(home, Triple) == 5


@on(*CATALOGS)
def test_the_last_word_wins(home: Home, tmp_path: Path) -> None:
    fill(home, tmp_path)
    clear.submit_clear(home.settings, home.catalog, home.workspace_id, "pets")
    late = manifest(tmp_path / "late", {"key": "p3", "domain": "pets", "title": "pet three"})
    ingest.submit_ingest(home.settings, home.catalog, home.workspace_id, late)
    # The worker comes to both only now, and to the deletion first.
    home.work()
    assert found(home, "x", into="pets") == {"p3"} and entity(home, "p3").title == "pet three"


@on(*CATALOGS)
def test_a_blob_that_goes_at_the_last_moment_is_put_again(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/a.png").write_bytes(png())
    path = manifest(tmp_path / "d", {"key": "a", "image": "a.png"})
    job_id = ingest.submit_ingest(home.settings, home.catalog, home.workspace_id, path)
    put_many = BlobStore.put_many

    def forgotten_meanwhile(self: BlobStore, contents: Any) -> list[str]:
        addresses = put_many(self, contents)
        for address in addresses:
            self.delete(address)
        return addresses

    (claim,) = jobs.claim(home.catalog, ["ingest"], "test")
    context = jobs.WorkContext(home.tools, claim, jobs.Heart(home.catalog, claim, lambda: False))
    with monkeypatch.context() as patch, pytest.raises(ConflictError, match="removed by somebody else"):
        patch.setattr(BlobStore, "put_many", forgotten_meanwhile)
        ingest.read_unit(context, claim)
    assert count(home, Entity) == 0
    jobs.release(home.catalog, claim)
    home.work()
    assert home.result(job_id)["embedded"] == 1 and home.embedded() == {"image": 1}


@on(*CATALOGS)
def test_deleting_all(home: Home, tmp_path: Path) -> None:
    path = fill(home, tmp_path)
    other = home.catalog.workspace_id("other")
    with home.catalog.write() as session:
        session.add(Entity(workspace_id=other, key="p1"))
    job_id = clear.submit_clear(home.settings, home.catalog, home.workspace_id, None)
    home.work()
    assert home.result(job_id)["deleted"] == 30 and not home.embedded() and count(home, Domain) == 0
    assert count(home, Asset) == count(home, Triple) == 0 and found(home, "pet") == set()
    with home.catalog.read() as session:
        assert session.scalar(select(func.count()).where(Entity.deleted_at.is_(None))) == 1
    # Once more changes nothing.
    again = clear.submit_clear(home.settings, home.catalog, home.workspace_id, None)
    home.work()
    assert "deleted" not in home.result(again)
    home.ingest(path)
    assert len(found(home, "pet")) == 30


@on("postgresql")
def test_of_two_writers_at_once_one_wins(home: Home, tmp_path: Path) -> None:
    home.ingest(manifest(tmp_path / "d", {"key": "a", "title": "zero"}))
    together = threading.Barrier(4)
    conflicts: list[int] = []

    def write(number: int) -> None:
        catalog = Catalog(home.catalog.url)
        raw: dict[str, Any] = {"key": "a", "title": f"writer {number}", "if_revision": 1}
        source = MediaSource(tmp_path)
        one = prepare(parse_record(raw), source, where="m:1", raw=raw, line=1, mode="update")
        together.wait()
        with catalog.write() as session:
            effects = write_batch(session, home.workspace_id, Batch([one]), Targets(), replace=False)
            conflicts.append(len(effects.conflicts))
        catalog.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(conflicts) == [0, 1, 1, 1] and entity(home, "a").revision == 2


@on(*CATALOGS)
@pytest.mark.parametrize("form", ["record", "edge"])
def test_a_deletion_that_is_under_way_is_waited_for(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    home.ingest(manifest(tmp_path / "before", {"key": "a", "title": "dog"}, {"key": "b", "title": "cat"}))
    path = manifest(tmp_path / "after", {"key": "b", "title": "lion"})
    if form == "edge":
        path = tmp_path / "edges.tsv"
        path.write_text("a\tnext\tb\n")
    ingest.submit_ingest(home.settings, home.catalog, home.workspace_id, [path])
    inside, go_on = threading.Event(), threading.Event()

    def slowly(*arguments: Any) -> set[int]:
        inside.set()
        assert go_on.wait(20)
        return set()

    monkeypatch.setattr("chiasm.ingest.delete.near_to", slowly)
    deleting = threading.Thread(
        target=ingest.delete_entity, args=(home.catalog, home.workspace_id, "b"), daemon=True
    )
    deleting.start()
    assert inside.wait(20)
    working = threading.Thread(target=home.work, daemon=True)
    working.start()
    # Long enough for the batch to have looked at what is there, if it does not wait.
    working.join(1.0)
    assert working.is_alive()
    go_on.set()
    deleting.join(20)
    working.join(20)
    with home.catalog.read() as session:
        ends = session.execute(select(Triple.subject_id, Triple.object_id)).all()
        gone = set(session.scalars(select(Entity.id).where(Entity.deleted_at.is_not(None))))
    assert not {end for pair in ends for end in pair} & gone
    if form == "record":
        assert gone == {entity(home, "b").id} and found(home, "lion") == {"a"}
