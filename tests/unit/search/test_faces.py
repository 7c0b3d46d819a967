"""The same questions in Python, over HTTP and in a shell, and the same answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from chiasm.api import create_app
from chiasm.cli import main
from chiasm.client import Hits, KnowledgeBase
from chiasm.client.embedded import EmbeddedBackend, OpenHome
from chiasm.client.remote import HttpBackend
from chiasm.errors import ChiasmError, UsageError

from .conftest import Home, WordEncoder

#: What faces do does not depend on where things lie; a home with a server's database wants keys besides.
pytestmark = pytest.mark.parametrize("store_place", ["faiss"], indirect=True, scope="session")


@pytest.fixture
def client(late: Home) -> Iterator[TestClient]:
    application = create_app(late.settings)
    with TestClient(application, base_url="http://127.0.0.1:8000") as made:
        yield made


@pytest.fixture(params=["embedded", "remote"])
def kb(
    request: pytest.FixtureRequest, late: Home, monkeypatch: pytest.MonkeyPatch
) -> Iterator[KnowledgeBase]:
    if request.param == "embedded":
        with KnowledgeBase(EmbeddedBackend(OpenHome(late.settings))) as made:
            yield made
        return
    client = request.getfixturevalue("client")
    monkeypatch.setattr("httpx.Client", lambda **options: client)
    yield KnowledgeBase(HttpBackend("http://127.0.0.1:8000"))


@pytest.fixture
def shell(
    late: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    monkeypatch.setattr("chiasm.client.embedded.require_home", lambda settings: None)
    for name in ("text_encoder", "image_encoder"):
        monkeypatch.setenv(f"CHIASM_{name.upper()}", getattr(late.settings, name))

    def run(*arguments: str, status: int = 0) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main([*arguments, "--home", str(late.settings.home)])
        said = capsys.readouterr()
        assert caught.value.code == status, said.err
        return said.out if status == 0 else said.err

    return run


QUESTIONS: dict[str, dict[str, Any]] = {
    "words": {"match": "letter", "k": 2},
    "words and an entity": {"match": "oh", "entity": "l:c", "fuse": "weights", "weights": {"match": 2.0}},
    "path": {"match": "letter", "near": "l:o", "path": "has/^has"},
    "steps": {"match": "letter", "near": "l:o", "path": [["has", "like"], "^has"]},
    "groups": {"match": "letter digit", "group_by": "domain", "group_size": 2, "k": 2},
    "diverse": {"entity": "l:o", "diversity": 0.5, "k": 3},
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_questions(kb: KnowledgeBase, late: Home, name: str) -> None:
    hits = kb.search(**QUESTIONS[name])
    wanted = {
        "words": 2,
        "words and an entity": {"l:o", "l:i", "d:0", "d:1", "l:x"},
        "path": {"l:o", "l:c"},
        "steps": {"l:o", "l:c"},
        "groups": 4,
        "diverse": 3,
    }[name]
    assert (len(hits) if isinstance(wanted, int) else set(hits.keys)) == wanted
    assert all(isinstance(hit.cosine, dict) for hit in hits)
    if name == "groups":
        assert [hit.group for hit in hits] == [hit.domain for hit in hits]


def test_pages(kb: KnowledgeBase) -> None:
    first = kb.search(match="letter digit", k=2)
    assert first.next_cursor and len(first) == 2
    rest = kb.search(match="letter digit", k=9, cursor=first.next_cursor)
    assert rest.next_cursor is None and [hit.rank for hit in rest] == [3, 4, 5]
    assert not set(first.keys) & set(rest.keys)
    with pytest.raises(UsageError, match="of another query"):
        kb.search(match="letter", cursor=first.next_cursor)


def test_tastes(kb: KnowledgeBase) -> None:
    for strategy in ("average", "best"):
        hits = kb.recommend(["l:o", "l:c"], "l:i", strategy=strategy, into="digits")
        assert set(hits.keys) == {"d:0", "d:1"} and hits.query["strategy"] == strategy
    assert kb.recommend("l:o", k=1).keys
    with pytest.raises(UsageError, match="nothing is liked"):
        kb.recommend([])
    with pytest.raises(UsageError, match="unknown strategy"):
        kb.recommend("l:o", strategy="mix")


def test_batches(kb: KnowledgeBase) -> None:
    found = kb.search_batch(
        [{"match": "uno"}, {"entity": "l:o", "k": 1}, {"match": "letter", "into": "letters"}]
    )
    assert [type(hits) for hits in found] == [Hits] * 3
    assert found[0].keys == ["d:1"] and len(found[1]) == 1 and len(found[2]) == 3
    assert kb.search_batch([]) == []
    for wrong, where in (
        ([{"match": "a"}, {"matches": "b"}], "query 2"),
        ([{"match": "a"}, {"match": "!"}], "query 2: match"),
        ([{"match": "a"}, {"entity": "nobody"}], "query 2: entity"),
        ([{"match": "a"}, 3], "query 2"),
        ([{"match": "a"}, {"vector": ["x"]}], "query 2"),
        ([{"match": "a"}, {"match": "a", "weights": 3}], "query 2"),
        ([{"match": "a"}, {}], "query 2: query"),
    ):
        with pytest.raises(ChiasmError) as caught:
            kb.search_batch(wrong)  # type: ignore[arg-type]
        assert caught.value.where == where
    with pytest.raises(UsageError, match="257 queries"):
        kb.search_batch(["x"] * 257)


WRONG: list[dict[str, Any]] = [
    {"match": "a", "fuse": "sum"},
    {"match": "a", "diversity": 2},
    {"match": "a", "group_by": "domain", "group_size": 5000},
    {"match": "a", "path": "has"},
    {"match": "a", "near": "l:o", "path": "has/"},
    {"match": "a", "cursor": "x"},
    {"match": "a", "weights": {"match": 0}},
    {"entity": "l:o", "weights": {"match": 2}},
    {"match": " "},
    {},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_what_is_wrong_is_usage(kb: KnowledgeBase, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        kb.search(**wrong)
    assert caught.value.remedy or caught.value.where


def test_over_http(client: TestClient) -> None:
    plain = client.get("/v1/search", params={"match": "letter", "k": 2, "group_by": "domain"}).json()
    assert [hit["group"] for hit in plain["hits"]] == ["letters"]
    answer = client.post("/v1/recommend", json={"liked": ["l:o"], "disliked": "l:i", "k": 2}).json()
    assert len(answer["hits"]) == 2 and answer["next_cursor"]
    batch = client.post(
        "/v1/search/batch", json={"queries": [{"match": "uno"}, {"vector": [1.0] * 16}]}
    ).json()
    assert [len(one["hits"]) for one in batch["results"]] == [1, 5]
    for path, body in (
        ("/v1/recommend", {"liked": []}),
        ("/v1/recommend", {"liked": ["l:o"], "text": "x"}),
        ("/v1/search/batch", {"queries": []}),
        ("/v1/search", {"match": "a", "diversity": "x"}),
        ("/v1/search", {"vector": [1.0] * 70_000}),
    ):
        problem = client.post(path, json=body)
        assert problem.status_code == 422 and problem.headers["content-type"] == "application/problem+json"
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for name in ("match", "fuse", "path", "diversity", "group_by", "group_size", "cursor"):
        assert name in schemas["SearchBody"]["properties"] and name in schemas["RecommendBody"]["properties"]


def test_in_a_shell(shell: Callable[..., str], tmp_path: Path) -> None:
    found = json.loads(shell("search", "--match", "letter digit", "-k", "2", "--json"))
    rest = json.loads(
        shell("search", "--match", "letter digit", "-k", "9", "--cursor", found["next_cursor"], "--json")
    )
    assert [hit["rank"] for hit in (*found["hits"], *rest["hits"])] == [1, 2, 3, 4, 5]
    liked = shell("recommend", "--liked", "l:o", "l:c", "--disliked", "l:i", "--into", "digits", "--json")
    assert {hit["key"] for hit in json.loads(liked)["hits"]} == {"d:0", "d:1"}
    near = shell("search", "--match", "letter", "--near", "l:o", "--path", "has/^has", "--group-by", "year")
    assert "1900" in near and "1910" in near and "l:i" not in near
    assert "exact" not in shell("search", "--entity", "l:o", "--diversity", "0.5", "--weight", "entity=2")


def test_vectors_of_files(shell: Callable[..., str], tmp_path: Path) -> None:
    vector = WordEncoder().encode(["letter cee"])[0]
    np.save(tmp_path / "v.npy", vector.astype(np.float64))
    (tmp_path / "v.json").write_text(json.dumps(vector.tolist()))
    for given in (str(tmp_path / "v.npy"), str(tmp_path / "v.json"), json.dumps(vector.tolist())):
        (hit, *_) = json.loads(shell("search", "--vector", given, "--json"))["hits"]
        assert hit["key"] == "l:c" and hit["cosine"]["text"] > 0.99
    np.save(tmp_path / "o.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "m.npy", np.ones((2, 16)))
    (tmp_path / "t.npy").write_bytes((tmp_path / "v.npy").read_bytes()[:100])
    (tmp_path / "huge.json").write_text("[" + "1," * 2_000_000 + "1]")
    for name in ("o.npy", "m.npy", "t.npy", "huge.json", "none.npy"):
        assert str(tmp_path / name) in shell("search", "--vector", str(tmp_path / name), status=1)
    assert "dimensions" in shell("search", "--vector", "[1, 2]", status=1)
    assert "vector" in shell("search", "--vector", "[NaN]", status=2)


def test_batches_of_files(shell: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text('{"match": "uno"}\n\n{"entity": "l:o", "k": 1}\n')
    answers = [json.loads(line) for line in shell("search", "--batch", str(file), "--json").splitlines()]
    assert [len(answer["hits"]) for answer in answers] == [1, 1]
    assert "d:1" in shell("search", "--batch", str(file))
    for given in (
        '"match": 3',
        '"match": "a", "k": "x"',
        '"match": "a", "into": []',
        '"match": "a", "path": 3',
    ):
        file.write_text(f"{{{given}}}")
        shell("search", "--batch", str(file), status=2)
    for content, said in (('{"match"', ":1"), ("[]", ":1"), ('{"matches": 1}', "query 1"), ("{}", "query 1")):
        file.write_text(content)
        assert said in shell("search", "--batch", str(file), status=2)
    assert "leave out" in shell("search", "x", "--batch", str(file), status=2)
    (tmp_path / "p.jsonl").write_text('{"image": "none.png"}')
    assert str(tmp_path / "none.png") in shell("search", "--batch", str(tmp_path / "p.jsonl"), status=1)
