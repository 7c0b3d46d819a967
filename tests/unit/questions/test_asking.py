"""Questions and mentions in Python, over HTTP and in a shell."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from chiasm.api import create_app
from chiasm.catalog.models import Space
from chiasm.cli import main
from chiasm.client import KnowledgeBase
from chiasm.client.embedded import EmbeddedBackend, OpenHome
from chiasm.client.remote import HttpBackend
from chiasm.errors import ChiasmError, NotFoundError, UsageError
from chiasm.questions import Asker

from .conftest import fill


@pytest.fixture(params=["embedded", "remote"])
def kb(
    request: pytest.FixtureRequest, home: OpenHome, monkeypatch: pytest.MonkeyPatch
) -> Iterator[KnowledgeBase]:
    if request.param == "embedded":
        yield KnowledgeBase(EmbeddedBackend(home))
        return
    with TestClient(create_app(home.settings), base_url="http://127.0.0.1:8000") as client:
        monkeypatch.setattr("httpx.Client", lambda **options: client)
        yield KnowledgeBase(HttpBackend("http://127.0.0.1:8000"))


@pytest.fixture
def embedded(home: OpenHome) -> KnowledgeBase:
    return KnowledgeBase(EmbeddedBackend(home))


@pytest.fixture
def shell(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def run(*arguments: str, status: int = 0) -> Any:
        with pytest.raises(SystemExit) as caught:
            main([*arguments, "--home", str(folder)])
        said = capsys.readouterr()
        assert caught.value.code == status, said.err
        return json.loads(said.out) if "--json" in arguments else said

    return run


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("which countries border France?", {"c:es", "c:de"}),
        ("Which countries does Germany border?", {"c:fr", "c:au"}),
        ("what is the capital of France", {"t:paris"}),
        ("What is France's capital?", {"t:paris"}),
        ("What is the capital of Germany?", {"t:berlin"}),
        ("Who was born in Paris?", {"p:irene", "p:pierre"}),
        ("Where was Pierre Curie born?", {"t:paris"}),
        ("Who is the wife of Pierre Curie?", {"p:curie"}),
        ("Who are the parents of Irene Joliot-Curie?", {"p:curie", "p:pierre"}),
        ("Who are the children of Marie Curie?", set()),
        ("when was Marie Curie born", {"1867-11-07"}),
        ("what is the population of Spain", {48}),
        ("What is the official language of the country that Paris is located in?", {"l:french"}),
        ("What colour is France?", set()),
        ("How old is Atlantis?", set()),
        ("How high is the Eiffel Tower?", set()),
    ],
)
def test_questions(embedded: KnowledgeBase, question: str, expected: set[Any]) -> None:
    answers = embedded.ask(question)
    best = {one.get("key", one.get("value")) for one in answers if one["reading"] == 0}
    assert best == expected
    assert (answers.message is None) is bool(expected) and answers.total == len(answers)


def test_an_answer_says_why(kb: KnowledgeBase) -> None:
    answers = kb.ask("what is the official language of the country that borders Spain?")
    [first] = [one for one in answers if one["key"] == "l:french"]
    assert first["rank"] == 1 and first["title"] == "French"
    assert [(f["subject"], f["predicate"], f["object"]) for f in first["support"]] == [
        ("c:fr", "borders", "c:es"),
        ("c:fr", "official_language", "l:french"),
    ]
    assert answers.readings[0]["key"] == "c:es"
    assert answers.readings[0]["path"] == ["^borders", "official_language"]
    assert answers.to_dict()["answers"] == list(answers)


def test_confidence_counts_and_sorts_are_heard(embedded: KnowledgeBase) -> None:
    [sure] = embedded.ask("What is the occupation of Pierre Curie?")
    [half] = embedded.ask("What is the occupation of Marie Curie?")
    assert half["score"] == pytest.approx(sure["score"] / 2)
    assert half["support"][0]["confidence"] == 0.5
    chemist, physicist = embedded.ask("Which chemist was born in Paris?")
    assert (chemist["key"], physicist["key"]) == ("p:irene", "p:pierre")
    assert chemist["score"] > physicist["score"]


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("What colour is France?", "no predicate there fits.*capital"),
        ("How old is Atlantis?", "of which nothing is stated"),
        ("How high is the Eiffel Tower?", "no entity"),
    ],
)
def test_what_was_understood_is_said(kb: KnowledgeBase, question: str, says: str) -> None:
    answers = kb.ask(question)
    assert not answers and answers.message is not None
    assert re.search(says, answers.message)


def test_questions_without_words_are_refused(kb: KnowledgeBase) -> None:
    for question in ("", "???", "a " * 2000):
        with pytest.raises(ChiasmError, match="question"):
            kb.ask(question)


@pytest.mark.parametrize(
    ("mention", "first", "by"),
    [
        ("France", "c:fr", "title"),
        ("republique FRANÇAISE", "c:fr", "text"),
        ("法国", "c:fr", "text"),
        ("Espana", "c:es", "alias"),
        ("c:oz", "c:oz", "key"),
        ("Unitde Kingdom", "c:uk", "title"),
        ("physicist", "kw:physicist", "title"),
    ],
)
def test_linking(kb: KnowledgeBase, mention: str, first: str, by: str) -> None:
    best = kb.graph.link(mention)["candidates"][0]
    assert (best["rank"], best["key"], best["by"]) == (1, first, by)


def test_names_of_several_share_a_rank(embedded: KnowledgeBase) -> None:
    found = embedded.graph.link("Paris")
    assert [(one["key"], one["rank"]) for one in found["candidates"][:2]] == [("t:paris", 1), ("t:texas", 1)]
    assert embedded.graph.link("Paris", k=1)["tied_beyond"] == 1
    assert embedded.graph.link("Paris", into="countries")["candidates"] == []


def test_linking_what_cannot_be(kb: KnowledgeBase) -> None:
    assert kb.graph.link("Xanadu")["candidates"] == []
    with pytest.raises(UsageError):
        kb.graph.link()
    with pytest.raises(UsageError):
        kb.graph.link(" ")
    with pytest.raises(UsageError):
        kb.graph.link("Paris", k=0)
    with pytest.raises(NotFoundError):
        kb.graph.link("Paris", into="moons")


def test_the_shell_asks_and_links(shell: Callable[..., Any]) -> None:
    answer = shell("ask", "which countries border France?", "--json")
    assert {one["key"] for one in answer["answers"]} == {"c:es", "c:de"}
    assert "Spain" in shell("ask", "which countries border France?").out
    assert "no predicate there fits" in shell("ask", "What colour is France?").err
    assert shell("graph", "link", "Farnce", "--json")["candidates"][0]["key"] == "c:fr"
    assert "France" in shell("graph", "link", "Farnce").out
    shell("graph", "link", status=2)


def test_http_and_an_entity_of_that_key(home: OpenHome) -> None:
    with TestClient(create_app(home.settings), base_url="http://127.0.0.1:8000") as client:
        asked = client.get("/v1/ask", params={"question": "what is the capital of France", "k": 1})
        assert asked.json()["answers"][0]["key"] == "t:paris"
        assert (
            client.get("/v1/graph/link", params={"mention": "France"}).json()["candidates"][0]["key"]
            == "c:fr"
        )
        assert client.get("/v1/graph/link").status_code == 404
        assert client.post("/v1/ask", json={"question": "x", "more": 1}).status_code == 422
        assert client.post("/v1/graph/link", json={"image": "*"}).status_code == 422


def test_hierarchies_and_flaws(kb: KnowledgeBase) -> None:
    assert kb.graph.trees() == []
    [tree] = kb.graph.trees(["locatedIn"])
    assert (tree["predicate"], tree["declared"], tree["depth"], tree["cycles"]) == ("locatedIn", True, 1, [])
    assert [one["key"] for one in kb.graph.ancestors("t:paris", predicate="locatedIn")] == ["c:fr"]
    assert [one["key"] for one in kb.graph.subtree("c:fr", predicate="locatedIn")] == ["t:paris"]
    above = kb.graph.common_ancestors("t:paris", "c:fr", predicate="locatedIn")
    assert [one["key"] for one in above] == ["c:fr"]
    assert kb.graph.ancestors("t:berlin", predicate="^capital") == []
    found = kb.graph.check()
    assert [(flaw["kind"], flaw["statements"][0]["object"]) for flaw in found["flaws"]] == [
        ("dangling", "kw:chemist")
    ]
    assert found["counts"]["dangling"] == found["total"] == 1 and found["flaws"][0]["confidence"] == 0.5
    assert kb.graph.check(kind="cycle")["flaws"] == []
    for wrong in (
        lambda: kb.graph.ancestors("t:paris"),
        lambda: kb.graph.check(kind="ugly"),
    ):
        with pytest.raises(UsageError):
            wrong()
    for unknown in (
        lambda: kb.graph.trees(["madeOf"]),
        lambda: kb.graph.subtree("nobody", predicate="locatedIn"),
    ):
        with pytest.raises(NotFoundError):
            unknown()


def test_hierarchies_and_flaws_in_a_shell(shell: Callable[..., Any]) -> None:
    assert shell("graph", "trees", "--json") == []
    assert "locatedIn" in shell("graph", "trees", "--predicate", "locatedIn").out
    assert "France" in shell("graph", "trees", "t:paris", "--predicate", "locatedIn").out
    assert shell("graph", "trees", "c:fr", "--below", "--predicate", "locatedIn", "--json")[0]["steps"] == 1
    assert "kw:chemist" in shell("graph", "check").out
    assert shell("graph", "check", "--kind", "cycle", "--json")["total"] == 0


class Meanings:
    """An encoder that knows two meanings."""

    modality, dim, fingerprint = "text", 2, "m" * 64

    def encode(self, batch: Sequence[str]) -> np.ndarray:
        rows = [[1.0, 0.0] if "capital" in text or "government" in text else [0.0, 1.0] for text in batch]
        return np.array(rows, dtype=np.float32)


class Models:
    def encoder(self, spec: str, stamp: str | None = None) -> Meanings:
        assert (spec, stamp) == ("meanings", Meanings.fingerprint)
        return Meanings()


def test_where_words_do_not_fit_vectors_are_asked(tmp_path: Path) -> None:
    from chiasm.client.embedded import init_home
    from chiasm.settings import load_settings

    settings = load_settings(tmp_path / "home", text_encoder="meanings")
    init_home(settings)
    home = OpenHome(settings)
    fill(home)
    with home.catalog.write() as session:
        workspace_id = home.catalog.workspace_id("default")
        space = {"kind": "text", "stamp": Meanings.fingerprint, "encoder": "meanings", "dim": 2}
        session.add(Space(workspace_id=workspace_id, **space))
    asker = Asker(home.searcher(), home.catalog, Models())  # type: ignore[arg-type]
    found = asker.ask(workspace_id, "Where does the government of France sit?")
    assert [one["key"] for one in found["answers"]] == ["t:paris"]
    home.close()
