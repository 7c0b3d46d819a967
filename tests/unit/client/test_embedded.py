"""Entities and graph of an embedded home."""

from __future__ import annotations

from pathlib import Path

import pytest

import chiasm
from chiasm.client import KnowledgeBase
from chiasm.client.embedded import OpenHome
from chiasm.errors import ConflictError, FilterError, NotFoundError, UsageError


def test_open_makes_a_home_and_opens_it_again(tmp_path: Path) -> None:
    for _ in range(2):
        with chiasm.open(tmp_path / "museum") as kb:
            assert kb.describe() == {
                "entities": 0,
                "stubs": 0,
                "assets": {},
                "statements": 0,
                "domains": {},
                "release": "late-fusion",
            }
    assert (tmp_path / "museum" / "chiasm.toml").exists()


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(ConflictError, match="cannot be made"):
        chiasm.open(tmp_path / "x")


def test_describe(kb: KnowledgeBase) -> None:
    found = kb.describe()
    assert (found["entities"], found["stubs"], found["statements"]) == (5, 1, 6)
    assert found["assets"] == {"text": 1} and found["domains"] == {"letters": 5} and len(kb) == 5


def test_entity_with_its_neighbours(kb: KnowledgeBase) -> None:
    entity = kb.entity("b")
    assert (entity.title, entity.domain, entity.attributes, entity.present) == (
        "B",
        "letters",
        {"place": 1},
        [],
    )
    seen = {(row.direction, row.predicate, row.key) for row in entity.neighbours()}
    assert seen == {("in", "knows", "a"), ("out", "knows", "c"), ("in", "likes", "a")}
    first = kb.entity("a")
    assert first.texts == ["the first letter"] and first.present == ["text"]
    assert {"predicate": "size", "value": 3, "origin": "stated", "confidence": 1.0} in first.relations


def test_unknown_keys_are_named(kb: KnowledgeBase) -> None:
    with pytest.raises(NotFoundError) as caught:
        kb.entity("zebra")
    assert caught.value.where == "zebra" and caught.value.remedy


@pytest.mark.parametrize(
    ("key", "to", "expected"),
    [
        ("a", "a", [["a"]]),
        ("a", "c", [["a", "knows", "b", "knows", "c"]]),
        ("a", "d", [["a", "knows", "b", "knows", "c", "^near", "d"]]),
        ("e", "a", [["e", "near", "d", "near", "c", "^knows", "b", "^knows", "a"]]),
        ("a", "f", []),
    ],
)
def test_shortest_paths(kb: KnowledgeBase, key: str, to: str, expected: list[list[str]]) -> None:
    assert kb.graph.paths(key, to) == expected


def test_paths_end_at_max_hops(kb: KnowledgeBase) -> None:
    assert kb.graph.paths("a", "e", max_hops=3) == []
    with pytest.raises(UsageError, match="hops"):
        kb.graph.paths("a", "e", max_hops=99)


def test_around_grows_by_hops_and_is_cut(kb: KnowledgeBase) -> None:
    sizes = [len(kb.graph.around("a", hops=hops)["nodes"]) for hops in (1, 2, 3, 4)]
    assert sizes == [2, 3, 4, 5]
    cut = kb.graph.around("a", hops=4, limit=2)
    assert len(cut["edges"]) == 2 and cut["truncated"]


def test_networkx(kb: KnowledgeBase) -> None:
    graph = kb.graph.to_networkx(literals=True)
    assert graph.number_of_edges() == 5 and graph.nodes["a"] == {"title": "A", "domain": "letters", "size": 3}
    assert set(graph["a"]["b"]) == {"knows", "likes"}


def test_entities_by_page_filter_and_stub(
    home: OpenHome, kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chiasm.client.knowledge_base._PAGE", 2)
    assert [row["key"] for row in kb.entities()] == list("abcdf")
    assert [row["key"] for row in kb.entities(stubs=True)] == list("abcdef")
    assert [row["key"] for row in kb.entities(where="place >= 2")] == list("cdf")
    tree = {"field": "place", "op": "<", "value": 2}
    assert [row["key"] for row in kb.entities(where=tree)] == list("ab")
    with pytest.raises(FilterError):
        list(kb.entities(where="place >="))
    with pytest.raises(NotFoundError, match="domain"):
        list(kb.entities(domain="digits"))


def test_delete_forgets_and_frees(kb: KnowledgeBase) -> None:
    kb.delete("b")
    with pytest.raises(NotFoundError):
        kb.entity("b")
    assert kb.graph.paths("a", "c") == [] and kb.describe()["entities"] == 4


def test_workspaces_do_not_see_each_other(home: OpenHome) -> None:
    from chiasm.client.embedded import EmbeddedBackend

    other = KnowledgeBase(EmbeddedBackend(home, workspace_id=home.catalog.workspace_id("other")))
    assert len(other) == 0 and list(other.graph) == []
    with pytest.raises(NotFoundError):
        other.entity("a")


def test_feedback(kb: KnowledgeBase) -> None:
    assert kb.feedback("a letter", accepted="a", rejected=["b"]) == {
        "release": None,
        "stored": 2,
        "changed": 0,
    }
    assert kb.feedback.reject("a letter", "a")["changed"] == 1
    assert [(row["key"], row["verdict"], row["domain"]) for row in kb.feedback] == [
        ("a", "rejected", "letters"),
        ("b", "rejected", "letters"),
    ]
    assert list(kb.feedback.list(verdict="accepted")) == []
    with pytest.raises(NotFoundError):
        kb.feedback.accept("a letter", "z")


def test_schedules(kb: KnowledgeBase) -> None:
    made = kb.schedule("nightly", cron="0 3 * * *", timezone="Asia/Tokyo", job="train", recipe="offline")
    assert made["timezone"] == "Asia/Tokyo" and made["next_run_at"] % 86400 == 18 * 3600
    kb.schedule("fresh", when_new=0.05)
    assert [(row["name"], row["cron"], row["when_new"]) for row in kb.schedules] == [
        ("fresh", None, 0.05),
        ("nightly", "0 3 * * *", None),
    ]
    assert kb.schedules.history("nightly") == []
    assert kb.schedules.pause("nightly")["paused"] and not kb.schedules.resume("nightly")["paused"]
    kb.schedules.remove("fresh")
    assert len(kb.schedules.list()) == 1
    with pytest.raises(NotFoundError):
        kb.schedules.pause("fresh")


@pytest.mark.parametrize(
    "call",
    [
        lambda kb: kb.ingest("x.jsonl", mode="merge"),
        lambda kb: kb.ingest(["x.jsonl", {"key": "a"}]),
        lambda kb: kb.search("x", k=0),
        lambda kb: kb.train(promote="maybe"),
    ],
)
def test_wrong_arguments_are_told_at_once(kb: KnowledgeBase, call) -> None:
    with pytest.raises(UsageError):
        call(kb)


def test_the_doctor_says_what_a_home_written_by_hand_lacks(kb: KnowledgeBase) -> None:
    report = kb.doctor()
    found = {one["check"]: one["level"] for one in report["checks"] if one["level"] != "ok"}
    # Its one text was never given to a worker.
    assert not report["healthy"] and found == {"missing": "problem"} and report["jobs"] == []
