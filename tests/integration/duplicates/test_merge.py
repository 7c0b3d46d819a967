"""Merging and taking apart: nothing lost, nothing left over, and the key goes on to mean something."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.integration.ingest.conftest import Home
from tests.integration.ingest.test_change import entity, found
from tests.integration.ingest.test_fusing import activate, fused
from tests.integration.ingest.test_units import manifest, png

from chiasm import duplicates, ingest
from chiasm.catalog.models import Asset, Embedding, EntityMerge, MergePart, Space, Triple
from chiasm.client.embedded.entities import read_entity
from chiasm.errors import ConflictError, NotFoundError, UsageError
from chiasm.search import Part, Query, Searcher

from .conftest import content, merge, unmerge

LEFT = {
    "key": "left",
    "domain": "things",
    "title": "brown dog",
    "text": ["barks", "eats"],
    "image": ["shared.png"],
    "attributes": {"legs": 4, "colour": "brown"},
    "relations": [
        {"predicate": "is", "object": "kw:animal"},
        {"predicate": "near", "object": "right"},
        {"predicate": "weighs", "value": 9},
    ],
}
RIGHT = {
    "key": "right",
    "domain": "others",
    "title": "a dog of brown colour",
    "text": ["eats", {"value": "bellt", "lang": "de"}],
    "image": ["shared.png", "own.png"],
    "attributes": {"legs": 3, "owner": "Ann"},
    "relations": [
        {"predicate": "is", "object": "kw:animal"},
        {"predicate": "is", "object": "kw:pet"},
        {"predicate": "weighs", "value": 9},
        {"predicate": "weighs", "value": 10},
    ],
}
THIRD = {
    "key": "third",
    "domain": "things",
    "title": "third",
    "relations": [{"predicate": "knows", "object": "left"}, {"predicate": "knows", "object": "right"}],
}
FOURTH = {
    "key": "fourth",
    "domain": "things",
    "title": "fourth",
    "image": ["own.png"],
    "attributes": {"owner": "Bob", "age": 7},
    "relations": [{"predicate": "knows", "object": "right"}, {"predicate": "is", "object": "kw:pet"}],
}


@pytest.fixture
def filled(home: Home, tmp_path: Path) -> Home:
    path = manifest(tmp_path / "data", LEFT, RIGHT, THIRD, FOURTH)
    (tmp_path / "data/shared.png").write_bytes(png())
    (tmp_path / "data/own.png").write_bytes(png("blue"))
    home.ingest(path)
    return home


def again(home: Home, tmp_path: Path, *records: Any, **options: Any) -> Any:
    return home.ingest(manifest(tmp_path / "data", *records, name="again.jsonl"), **options)[0]


def test_the_kept_entity_has_all_and_the_other_is_a_name(filled: Home) -> None:
    home = filled
    before = content(home)
    done = merge(home, "left", "right")
    assert done.key == "left" and done.merged == ["right"]
    now = content(home)
    left = now["left"]
    assert [one[:4] for one in left["assets"] if one[0] == "text"] == [
        ("text", "brown dog", "title", "title"),
        ("text", "barks", None, "text"),
        ("text", "eats", None, "text"),
        ("text", "a dog of brown colour", None, "text"),
        ("text", "bellt", None, "text"),
    ]
    assert sum(one[0] == "image" for one in left["assets"]) == 2
    assert left["title"] == "brown dog"
    assert left["attributes"] == {"legs": 4, "colour": "brown", "owner": "Ann"}
    assert {one[:2] for one in left["said"]} == {
        ("is", "kw:animal"),
        ("is", "kw:pet"),
        ("weighs", "9"),
        ("weighs", "10"),
    }
    assert now["right"] == {
        **before["right"],
        "title": None,
        "attributes": {},
        "domain": None,
        "gone": True,
        "assets": [],
        "said": [],
    }
    assert now["third"]["said"] == [("knows", "left", "stated")] and now["fourth"]["said"][0][1] == "kw:pet"
    assert all(one["refs"] for one in now.values())
    # Again: nothing to do.
    assert merge(home, "left", "right").merged == [] and content(home) == now


def test_no_vector_is_left_or_lacking(filled: Home) -> None:
    home = filled
    merge(home, "left", "right")
    with home.catalog.read() as session:
        embedded = set(session.scalars(select(Embedding.item_id).join(Space)))
        assert embedded == set(session.scalars(select(Asset.id)))


def test_the_key_means_the_kept_one(filled: Home) -> None:
    home = filled
    merge(home, "left", "right")
    with home.catalog.read() as session:
        row = read_entity(session, home.workspace_id, "right")
    assert row["key"] == "left" and row["merged"] == ["right"]
    assert "right" not in found(home, "bellt") and "left" in found(home, "bellt")
    searcher = Searcher(home.settings, home.catalog, home.tools.models)
    by_name, by_alias = (
        searcher.search(home.workspace_id, Query(parts=[Part("entity", key)], k=5))
        for key in ("left", "right")
    )
    assert [hit.key for hit in by_name.hits] == [hit.key for hit in by_alias.hits] != []


@pytest.mark.parametrize(
    "merges",
    [
        [("left", "right")],
        [("right", "left")],
        [("left", "right", "fourth")],
        [("left", "fourth"), ("left", "right")],
        [("right", "fourth"), ("left", "right")],
        [("fourth", "left", "right", "third")],
        [("kw:pet", "kw:animal"), ("left", "right")],
        [("left", "right"), ("kw:animal", "kw:pet")],
        [("left", "kw:pet"), ("left", "right")],
    ],
    ids=str,
)
@pytest.mark.parametrize("backwards", [True, False])
def test_taking_apart_restores_exactly(filled: Home, merges: list[Any], backwards: bool) -> None:
    home = filled
    before = content(home)
    for keep, *others in merges:
        merge(home, keep, *others)
    merged = [other for _, *others in merges for other in others]
    order = merged[::-1] if backwards else merged
    while order:
        for key in list(order):
            try:
                unmerge(home, key)
            except ConflictError:
                # What it is part of was merged later: that one first.
                continue
            order.remove(key)
    after = content(home)
    assert {(k, n): v for k, row in after.items() for n, v in row.items() if before[k][n] != v} == {}
    assert after == before
    with home.catalog.read() as session:
        assert not session.scalars(select(EntityMerge.id)).all()
        assert not session.scalars(select(MergePart.id)).all()
        embedded = set(session.scalars(select(Embedding.item_id)))
        assert embedded == set(session.scalars(select(Asset.id)))


def test_one_of_two_with_the_same_content_may_go(filled: Home) -> None:
    """Both had the blue picture, the edge to kw:pet and an owner; the kept one has it from the other then."""
    home = filled
    merge(home, "left", "right", "fourth")
    unmerge(home, "right")
    now = content(home)
    assert sum(one[0] == "image" for one in now["left"]["assets"]) == 2
    assert ("is", "kw:pet") in {one[:2] for one in now["left"]["said"]}
    assert now["left"]["attributes"] == {"legs": 4, "colour": "brown", "owner": "Bob", "age": 7}
    assert all(one[-1] == "embedded" for row in now.values() for one in row["assets"])


@pytest.mark.parametrize(
    ("record", "mode", "kept"),
    [
        # What the kept one's own record says goes and comes; what came with the other stays.
        ({"key": "left", "text": []}, "update", {"brown dog", "a dog of brown colour", "bellt", "eats"}),
        (
            {"key": "left", "title": "new"},
            "update",
            {"new", "barks", "eats", "a dog of brown colour", "bellt"},
        ),
        ({"key": "left", "domain": "things"}, "replace", {"a dog of brown colour", "bellt", "eats"}),
        (
            {"key": "right", "text": ["new"]},
            "update",
            {"new", "brown dog", "barks", "eats", "a dog of brown colour", "bellt"},
        ),
        (
            {"key": "right", "title": "other"},
            "replace",
            {"other", "brown dog", "barks", "eats", "a dog of brown colour", "bellt"},
        ),
    ],
)
def test_records_that_come_later(
    filled: Home, tmp_path: Path, record: dict[str, Any], mode: str, kept: set[str]
) -> None:
    home = filled
    before = content(home)
    merge(home, "left", "right")
    assert again(home, tmp_path, record, mode=mode)["updated"] == 1
    assert again(home, tmp_path, record, mode=mode)["unchanged"] == 1
    merged = content(home)
    assert {one[1] for one in merged["left"]["assets"] if one[0] == "text"} == kept
    assert merged["right"]["gone"] and merged["left"]["attributes"]["owner"] == "Ann"
    unmerge(home, "right")
    after = content(home)
    assert after["right"] == before["right"] and after["third"] == before["third"]
    # What came later stays with the kept one.
    named = {one[1] for one in after["left"]["assets"]}
    new = {str(record["title"])} if "title" in record else {str(text) for text in record.get("text", ())}
    assert new <= named and not {"bellt", "a dog of brown colour"} & named


def test_the_same_manifest_again_is_nothing_new(filled: Home, tmp_path: Path) -> None:
    home = filled
    merge(home, "left", "right")
    now = content(home)
    counts = home.ingest(tmp_path / "data/m.jsonl")[0]
    assert counts["unchanged"] == 4 and content(home) == now


def test_what_the_kept_one_says_itself_stays_with_it(filled: Home, tmp_path: Path) -> None:
    home = filled
    merge(home, "left", "right")
    mine = {
        "key": "left",
        "text": ["bellt"],
        "image": ["own.png"],
        "attributes": {"owner": "Ann"},
        "relations": [{"predicate": "is", "object": "kw:pet"}],
    }
    again(home, tmp_path, mine)
    unmerge(home, "right")
    now = content(home)
    assert {one[1] for one in now["left"]["assets"] if one[0] == "text"} == {"brown dog", "bellt"}
    assert sum(one[0] == "image" for one in now["left"]["assets"]) == 1
    assert now["left"]["attributes"] == {"owner": "Ann"}
    assert [one[:2] for one in now["left"]["said"]] == [("is", "kw:pet")]
    assert now["right"]["attributes"] == RIGHT["attributes"]
    assert all(one[-1] == "embedded" for row in now.values() for one in row["assets"])


@pytest.mark.parametrize(
    ("said", "after"),
    [
        (["left", "right"], {"left", "right"}),
        (["left"], {"left"}),
        (["right"], {"right"}),
        (["fourth"], {"fourth"}),
        (["fourth", "right"], {"fourth", "right"}),
        ([], set()),
    ],
)
@pytest.mark.parametrize("order", [("left", "right"), ("right", "left")])
def test_what_others_said_and_say_no_more(
    filled: Home, tmp_path: Path, said: list[str], after: set[str], order: tuple[str, str]
) -> None:
    """`third` knows two entities that were merged into a third one, and its record changes."""
    home = filled
    merge(home, "fourth", "left", "right")
    relations = [{"predicate": "knows", "object": key} for key in said]
    again(home, tmp_path, {"key": "third", "relations": relations, "attributes": {"n": 1}})
    meant = [("knows", "fourth", "stated")] if said else []
    assert content(home)["third"]["said"] == meant
    for key in order:
        unmerge(home, key)
    assert {one[1] for one in content(home)["third"]["said"]} == after


def test_edges_to_a_merged_key_lead_to_the_kept_one(filled: Home, tmp_path: Path) -> None:
    home = filled
    merge(home, "left", "right")
    edges = tmp_path / "data/edges.tsv"
    edges.write_text("head\trelation\ttail\nright\tlikes\tthird\nleft\tis_like\tright\nnew\tlikes\tright\n")
    home.ingest(edges)
    now = content(home)
    assert ("likes", "third", "table") in now["left"]["said"] and now["right"]["gone"]
    assert not any(one[0] == "is_like" for one in now["left"]["said"])
    assert now["new"]["said"] == [("likes", "left", "table")]


@pytest.mark.parametrize(
    ("keep", "others", "error"),
    [
        ("left", [], UsageError),
        ("left", ["left"], UsageError),
        ("left", ["zebra"], NotFoundError),
        ("zebra", ["left"], NotFoundError),
        ("kw:pet", ["left"], UsageError),
        ("third", ["right"], ConflictError),
        ("left", ["third", "zebra"], NotFoundError),
    ],
)
def test_refused_whole(filled: Home, keep: str, others: list[str], error: type[Exception]) -> None:
    home = filled
    merge(home, "fourth", "right")
    before = content(home)
    with pytest.raises(error):
        merge(home, keep, *others)
    assert content(home) == before


def test_a_merged_key_may_be_the_one_to_keep(filled: Home) -> None:
    merge(filled, "left", "right")
    assert merge(filled, "right", "fourth").key == "left"
    with pytest.raises(NotFoundError, match="not merged"):
        unmerge(filled, "left")


def test_deleting(filled: Home, tmp_path: Path) -> None:
    home = filled
    merge(home, "left", "right")
    with pytest.raises(ConflictError, match="merged into 'left'"):
        ingest.delete_entity(home.catalog, home.workspace_id, "right")
    ingest.delete_entity(home.catalog, home.workspace_id, "left")
    with home.catalog.read() as session:
        assert session.scalar(select(func.count()).select_from(MergePart)) == 0
    with pytest.raises(NotFoundError):
        unmerge(home, "right")
    # Named again, it is itself.
    again(home, tmp_path, RIGHT)
    assert not content(home)["right"]["gone"] and entity(home, "left").deleted_at is not None


def test_with_a_release_search_is_right_after_each(filled: Home) -> None:
    home = filled
    space = activate(home, ["is", "near", "knows"])
    with home.catalog.write() as session:
        ids = [entity(home, key).id for key in ("left", "right", "third", "fourth")]
        job = ingest.delete.create_job(session, home.workspace_id, "fill", {})
        ingest.read.add_fuse_units(session, job.id, 1, ids)
    home.work()
    before = fused(home, space)
    assert before.keys() >= {"left", "right", "third", "fourth"}
    merge(home, "left", "right")
    merged = fused(home, space)
    assert "right" not in merged and (merged["left"] != before["left"]).any()
    unmerge(home, "right")
    after = fused(home, space)
    # Sums in another order, in 16 bits: equal but for the last digits.
    for key in ("left", "right", "third", "fourth"):
        assert float(before[key] @ after[key]) > 0.999, key
    with home.catalog.read() as session:
        assert session.scalar(select(func.count()).select_from(Triple)) > 0
    assert duplicates.list_pairs is not None
