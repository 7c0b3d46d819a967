"""Paths and what stands around an entity: in Python, from the shell and over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from chiasm.api import create_app
from chiasm.cli import main
from chiasm.client import KnowledgeBase
from chiasm.client.embedded import EmbeddedBackend, OpenHome
from chiasm.client.remote import HttpBackend
from chiasm.errors import NotFoundError, UsageError

#: Both speak French people's tongue of a kind; what joins them over the rare predicate says most.
BEST = ["p:irene", "parent", "p:curie", "spouse", "p:pierre"]


def check_paths(found: dict[str, Any]) -> None:
    assert (found["key"], found["to"], found["by"], found["complete"]) == (
        "p:irene",
        "p:pierre",
        "information",
        True,
    )
    bits = found["information"]
    assert bits == sorted(bits, reverse=True) and len(bits) == len(found["paths"]) > 2
    # One edge passes nothing.
    assert found["paths"][0] == ["p:irene", "parent", "p:pierre"]
    assert BEST in found["paths"] and len({str(path[::2]) for path in found["paths"]}) == len(bits)


def check_near(found: dict[str, Any]) -> None:
    listed = [(one["hops"], -one["information"]) for one in found["entities"]]
    assert listed == sorted(listed) and found["total"] == len(listed)
    assert {one["key"] for one in found["entities"] if one["hops"] == 1} == {
        "t:paris",
        "p:curie",
        "p:pierre",
        "kw:chemist",
    }
    assert {one["key"]: one["domain"] for one in found["entities"]}["c:fr"] == "countries"


@pytest.fixture
def kb(home: OpenHome) -> KnowledgeBase:
    return KnowledgeBase(EmbeddedBackend(home))


def test_in_python(kb: KnowledgeBase) -> None:
    check_paths(kb.graph.informative_paths("p:irene", "p:pierre"))
    check_near(kb.graph.near("p:irene"))
    only = kb.graph.near("p:irene", into="countries")
    assert [one["key"] for one in only["entities"]] == ["c:fr"] and only["total"] == 1
    assert len(kb.graph.near("p:irene", limit=1)["entities"]) == 1
    assert kb.graph.near("x:lonely")["entities"] == []
    assert kb.graph.informative_paths("p:irene", "x:lonely")["paths"] == []
    assert kb.graph.informative_paths("p:irene", "p:irene")["paths"] == [["p:irene"]]
    for wrong in (
        lambda: kb.graph.near("p:iren"),
        lambda: kb.graph.near("p:irene", into="nowhere"),
        lambda: kb.graph.informative_paths("p:irene", "p:pier"),
    ):
        with pytest.raises(NotFoundError):
            wrong()
    for hops in (0, 7):
        with pytest.raises(UsageError, match="hops"):
            kb.graph.near("p:irene", hops=hops)


def test_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as caught:
            main(["--home", str(folder), "graph", *arguments])
        assert not caught.value.code
        return capsys.readouterr().out

    check_paths(json.loads(run("path", "p:irene", "p:pierre", "--json")))
    assert "bits" in run("path", "p:irene", "p:pierre")
    shortest = json.loads(run("path", "p:irene", "p:pierre", "--shortest", "--json"))
    assert shortest["paths"] == [["p:irene", "parent", "p:pierre"]]
    check_near(json.loads(run("near", "p:irene", "--json")))
    assert "t:paris" in run("near", "p:irene", "--hops", "1")


def test_http(home: OpenHome, monkeypatch: pytest.MonkeyPatch) -> None:
    with TestClient(create_app(home.settings), base_url="http://127.0.0.1:8000") as client:
        check_paths(client.get("/v1/graph/p:irene", params={"to": "p:pierre"}).json())
        by_length = {"to": "p:pierre", "by": "length"}
        assert len(client.get("/v1/graph/p:irene", params=by_length).json()["paths"]) == 1
        wrong = client.get("/v1/graph/p:irene", params={"to": "p:pierre", "by": "luck"})
        assert wrong.status_code == 422 and "length" in wrong.text
        assert client.get("/v1/graph/near").status_code == 404
        monkeypatch.setattr(httpx, "Client", lambda **given: client)
        remote = KnowledgeBase(HttpBackend("http://127.0.0.1:8000"))
        check_paths(remote.graph.informative_paths("p:irene", "p:pierre"))
        check_near(remote.graph.near("p:irene"))
        assert remote.graph.paths("p:irene", "p:pierre") == [["p:irene", "parent", "p:pierre"]]
