"""Rules and predictions of a home: in Python, from the shell and over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update
from tests.homes import opened_home

from chiasm.api import create_app
from chiasm.catalog.models import Entity, Predicate, Triple, Workspace
from chiasm.cli import main
from chiasm.client import KnowledgeBase
from chiasm.client.embedded import EmbeddedBackend, OpenHome
from chiasm.client.remote import HttpBackend
from chiasm.errors import InputError, NotFoundError, UsageError

RULE = "born_in(X, A), city_of(A, Y) => citizen_of(X, Y)"


def rows() -> list[tuple[str, str, str, str]]:
    """20 people born in 5 cities of 2 countries, 16 of them citizens; one more, by a rule's word alone."""
    found = []
    for person in range(20):
        city = person % 5
        found.append((f"person:{person}", "born_in", f"city:{city}", "stated"))
        if person < 16:
            found.append((f"person:{person}", "citizen_of", f"land:{city % 2}", "table"))
    found += [(f"city:{city}", "city_of", f"land:{city % 2}", "stated") for city in range(5)]
    return [*found, ("person:17", "citizen_of", "land:0", "rule")]


def fill(home: OpenHome) -> None:
    workspace_id = home.catalog.workspace_id("default")
    edges = rows()
    keys = sorted({key for head, _, tail, _ in edges for key in (head, tail)})
    with home.catalog.write() as session:
        entities = {
            key: Entity(workspace_id=workspace_id, key=key, title=key.title(), attributes={}) for key in keys
        }
        predicates = {
            name: Predicate(workspace_id=workspace_id, name=name)
            for name in ("born_in", "city_of", "citizen_of")
        }
        session.add_all([*entities.values(), *predicates.values()])
        session.flush()
        for head, name, tail, origin in edges:
            session.add(
                Triple(
                    workspace_id=workspace_id,
                    subject_id=entities[head].id,
                    predicate_id=predicates[name].id,
                    object_id=entities[tail].id,
                    object_ref=f"e:{entities[tail].id}",
                    origin=origin,
                    confidence=0.8 if origin == "rule" else 1.0,
                )
            )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenHome]:
    """One for all: reasoning writes nothing."""
    with opened_home(tmp_path_factory.mktemp("reasoning"), fill) as opened:
        yield opened


@pytest.fixture
def kb(home: OpenHome) -> KnowledgeBase:
    return KnowledgeBase(EmbeddedBackend(home))


def check_rules(found: dict[str, Any]) -> None:
    first = found["rules"][0]
    assert first["rule"] == RULE
    assert first["relation"] == "citizen_of" and first["origin"] == "mined" and first["length"] == 2
    # The rule's own word is not among what it is judged by.
    assert (first["support"], first["predicted"], first["confidence"]) == (16, 20, 0.8)
    assert first["pca_confidence"] == 1.0 and first["head_coverage"] == 1.0
    assert found["count"] >= len(found["rules"]) and not found["out_of_time"]


def check_prediction(found: dict[str, Any]) -> None:
    assert (found["head"], found["relation"], found["tail"]) == ("person:16", "citizen_of", None)
    assert found["known"] == []
    first = found["predictions"][0]
    assert (first["rank"], first["key"], first["title"], first["known"]) == (1, "land:1", "Land:1", False)
    assert 0 < first["score"] <= 1
    [rule] = [one for one in first["rules"] if one["rule"] == RULE]
    assert rule["facts"] == [["person:16", "born_in", "city:1"], ["city:1", "city_of", "land:1"]]
    assert all(fact in first["facts"] for fact in rule["facts"])
    assert {case["key"] for case in first["cases"]} == {"person:1", "person:6", "person:11"}
    assert first["cases"][0]["facts"] == [["person:16", "born_in", "city:1"]]


def test_rules(kb: KnowledgeBase) -> None:
    check_rules(kb.graph.rules())
    only = kb.graph.rules("born_in", min_confidence=0.0)
    assert only["rules"] and {one["relation"] for one in only["rules"]} == {"born_in"}
    assert len(kb.graph.rules(limit=1)["rules"]) == 1
    assert all(one["length"] == 1 for one in kb.graph.rules(length=1)["rules"])
    assert not any('"' in one["rule"] for one in kb.graph.rules(constants=False)["rules"])


def test_predict(kb: KnowledgeBase) -> None:
    check_prediction(kb.graph.predict(head="person:16", relation="citizen_of"))
    heads = kb.graph.predict(tail="land:1", relation="citizen_of", k=20)
    assert {"person:16", "person:18"} <= {one["key"] for one in heads["predictions"]}
    assert "person:1" in {one["key"] for one in heads["known"]}
    assert "person:1" not in {one["key"] for one in heads["predictions"]}
    again = kb.graph.predict(head="person:1", relation="citizen_of", known=True)
    assert again["predictions"][0]["known"] and again["known"] == [{"key": "land:1", "title": "Land:1"}]


def test_own_rules(kb: KnowledgeBase, tmp_path: Path) -> None:
    file = tmp_path / "own.rules"
    file.write_text("# a guess\nborn_in(X, Y) => citizen_of(X, Y) @ 0.99\n", encoding="utf-8")
    found = kb.graph.predict(head="person:16", relation="citizen_of", rules=file)
    assert found["predictions"][0]["key"] == "city:1"
    assert found["predictions"][0]["rules"][0]["origin"] == "user"
    listed = kb.graph.rules("citizen_of", rules=file)["rules"][0]
    assert (listed["origin"], listed["confidence"], listed["support"], listed["predicted"]) == (
        "user",
        0.99,
        0,
        20,
    )


def test_what_changed_is_mined_again(kb: KnowledgeBase, home: OpenHome) -> None:
    first = kb.graph.rules()
    assert kb.graph.rules() == first
    changes = (("stated", "rule"), ("rule", "stated"))
    seen = []
    for new, old in changes:
        with home.catalog.write() as session:
            mine = (Triple.confidence < 1) & (Triple.origin == old)
            session.execute(update(Triple).where(mine).values(origin=new))
            session.execute(update(Workspace).values(revision=Workspace.revision + 1))
        seen.append(kb.graph.rules())
    assert [one["revision"] - first["revision"] for one in seen] == [1, 2]
    assert seen[0]["rules"] != first["rules"] and seen[1]["rules"] == first["rules"]


@pytest.mark.parametrize(
    ("asked", "kind", "says"),
    [
        ({"head": "person:16", "relation": "citizen"}, NotFoundError, "citizen_of"),
        ({"head": "persn:16", "relation": "citizen_of"}, NotFoundError, "person:16"),
        ({"head": "Land:1", "relation": "citizen_of"}, NotFoundError, "land:1"),
        ({"relation": "citizen_of"}, UsageError, "one end"),
        ({"head": "person:1", "tail": "land:1", "relation": "citizen_of"}, UsageError, "one end"),
        ({"head": "person:1", "relation": "citizen_of", "k": 0}, UsageError, "k is 0"),
        ({"head": "person:1", "relation": "citizen_of", "aggregation": "mean"}, UsageError, "maximum"),
        (
            {"head": "person:1", "relation": "citizen_of", "rules": "born(X, Y) => x(X, Y)"},
            InputError,
            "column 1",
        ),
        (
            {"head": "person:1", "relation": "citizen_of", "rules": Path("none.rules")},
            InputError,
            "none.rules",
        ),
    ],
)
def test_mistakes(kb: KnowledgeBase, asked: dict[str, Any], kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        kb.graph.predict(**asked)


def run(home: OpenHome, *arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["--home", str(home.settings.home), "graph", *arguments])
    return int(caught.value.code or 0)


def test_command_line(home: OpenHome, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(home, "rules", "--json") == 0
    check_rules(json.loads(capsys.readouterr().out))
    assert run(home, "predict", "--head", "person:16", "--relation", "citizen_of", "--json") == 0
    check_prediction(json.loads(capsys.readouterr().out))
    assert run(home, "rules") == 0
    assert RULE in capsys.readouterr().out
    assert run(home, "predict", "--head", "person:16", "--relation", "citizen_of") == 0
    shown = capsys.readouterr().out
    assert "land:1" in shown and "person:16 born_in city:1" in shown
    assert run(home, "predict", "--head", "person:16", "--relation", "citizn_of") == 1
    assert "citizen_of" in capsys.readouterr().err
    assert run(home, "predict", "--relation", "citizen_of") == 2


def test_http(home: OpenHome) -> None:
    application = create_app(home.settings)
    with TestClient(application, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as client:
        check_rules(client.get("/v1/graph/rules").json())
        asked = {"head": "person:16", "relation": "citizen_of"}
        check_prediction(client.get("/v1/graph/predict", params=asked).json())
        check_prediction(client.post("/v1/graph/predict", json=asked).json())
        own = client.post("/v1/graph/rules", json={"rules": "born_in(X, Y) => citizen_of(X, Y)"}).json()
        assert own["rules"][0]["origin"] == "user"
        unknown = client.get("/v1/graph/predict", params={**asked, "relation": "citizn_of"})
        assert unknown.status_code == 404 and "citizen_of" in unknown.text
        wrong = client.post("/v1/graph/rules", json={"rules": "born_in(X, Y)"})
        assert 400 <= wrong.status_code < 500 and "line 1, column 14" in wrong.text
        assert client.get("/v1/graph/predict", params={"relation": "citizen_of"}).status_code == 422
        assert client.get("/v1/graph/rules", params={"colour": "red"}).status_code == 422
        # The graph around an entity is where it was.
        assert client.get("/v1/graph/person:16").json()["key"] == "person:16"


def test_remote_client(home: OpenHome, monkeypatch: pytest.MonkeyPatch) -> None:
    application = create_app(home.settings)
    with TestClient(application, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as client:
        # The application itself answers, without a socket in between.
        monkeypatch.setattr(httpx, "Client", lambda **given: client)
        remote = KnowledgeBase(HttpBackend("http://127.0.0.1:8000"))
        check_rules(remote.graph.rules())
        check_prediction(remote.graph.predict(head="person:16", relation="citizen_of"))
        own = remote.graph.rules("citizen_of", rules="born_in(X, Y) => citizen_of(X, Y)")
        assert own["rules"][0]["origin"] == "user"
        with pytest.raises(NotFoundError, match="person:16"):
            remote.graph.predict(head="persn:16", relation="citizen_of")
        with pytest.raises(UsageError, match="one end"):
            remote.graph.predict(relation="citizen_of")
