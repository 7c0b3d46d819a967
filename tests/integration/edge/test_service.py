"""The same methods, embedded and over HTTP, on real data."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import httpx
import pytest

import chiasm
from chiasm.client import KnowledgeBase, ServiceError
from chiasm.errors import ChiasmError, FilterError, InputError, MediaError, NotFoundError

pytestmark = pytest.mark.slow
Service = tuple[Path, str]


def test_the_manifest_arrived_whole(remote: KnowledgeBase) -> None:
    found = remote.describe()
    assert found["entities"] == 24 and found["domains"] == {"toys": 24}
    assert found["assets"]["image"] == 24 and found["assets"]["audio"] == 24
    entity = remote.entity("toy:red-circle")
    assert entity.present == ["text", "image", "audio"] and entity.title == "red circle"
    assert {(row.predicate, row.key) for row in entity.neighbours()} == {
        ("has_shape", "shape:circle"),
        ("has_colour", "colour:red"),
    }


def test_both_answer_alike(remote: KnowledgeBase, embedded: KnowledgeBase) -> None:
    for arguments in (
        {"text": "blue square", "k": 5},
        {"text": ["red", "ring"], "not_text": "green", "into": "toys"},
        {"entity": "toy:red-bar", "where": 'colour == "red"', "explain": True},
        {"text": "wood", "where": {"field": "pitch", "op": ">", "value": 1000}},
        {"text": "wood", "near": "shape:ring", "hops": 1},
    ):
        here, there = embedded.search(**arguments), remote.search(**arguments)
        assert here.keys == there.keys and here.keys
        assert here.release == there.release == "late-fusion"
        assert here.to_dict()["hits"] == there.to_dict()["hits"]
    assert embedded.search("a blue square", k=1)[0].key == "toy:blue-square"
    assert {row["key"] for row in remote.entities(where='colour == "red"')} == {
        row["key"] for row in embedded.entities(where='colour == "red"')
    }
    assert remote.graph.paths("toy:red-bar", "toy:red-ring") == embedded.graph.paths(
        "toy:red-bar", "toy:red-ring"
    )
    assert remote.graph.to_networkx().edges == embedded.graph.to_networkx().edges
    assert remote.jobs.list()[0].id == embedded.jobs.list()[0].id
    assert remote.releases.list() == embedded.releases.list() == []


def test_errors_keep_their_class_over_http(remote: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    for call, kind in (
        (lambda: remote.entity("zebra"), NotFoundError),
        (lambda: remote.search("x", where="year >"), FilterError),
        (lambda: remote.search("x", into="nowhere"), NotFoundError),
        (lambda: remote.search(image=tmp_path / "broken.png"), MediaError),
        (lambda: remote.search(entity="zebra"), NotFoundError),
        (lambda: remote.job(999), NotFoundError),
        (lambda: remote.ingest(tmp_path / "none.jsonl"), InputError),
        (lambda: remote.releases.promote("r9"), NotFoundError),
    ):
        with pytest.raises(kind) as caught:
            call()
        assert isinstance(caught.value, ChiasmError) and caught.value.what


def test_pages_render_with_pictures_and_players(remote: KnowledgeBase, embedded: KnowledgeBase) -> None:
    for kb in (remote, embedded):
        page = kb.search("red circle", k=2)._repr_html_()
        assert page.count("data:image/png;base64,") == 2 and page.count("<audio") == 2
    assert "<img" in remote.entity("toy:red-bar")._repr_html_()


def test_records_with_media_in_python_and_over_http(
    remote: KnowledgeBase, embedded: KnowledgeBase, toys: Path
) -> None:
    picture = toys.parent / "img" / "red-bar.png"
    for kb, key in ((remote, "toy:sent"), (embedded, "toy:handed")):
        record = {
            "key": key,
            "domain": "toys",
            "title": "sent",
            "image": [{"path": str(picture), "role": "photo"}],
        }
        job = kb.ingest([record]).wait(120)
        assert job.progress.failures == 0, job.failures
        [medium] = kb.entity(key).media()
        assert medium.content == picture.read_bytes() and medium.media_type == "image/png"
        kb.delete(key)
        with pytest.raises(NotFoundError):
            kb.entity(key)


def test_a_server_path_is_never_read(service: Service, toys: Path) -> None:
    secret = toys.parent / "img" / "red-bar.png"
    records = [
        {"key": f"evil:{at}", "image": [path]} for at, path in enumerate([str(secret), "../../chiasm.toml"])
    ]
    with httpx.Client(base_url=service[1], timeout=60) as http:
        job = http.post("/v1/ingest", json={"records": records}).json()["job"]
        with http.stream("GET", f"/v1/jobs/{job}/events", timeout=120) as stream:
            events = "".join(stream.iter_text())
        last = json.loads(events.strip().rpartition("data: ")[2])
        assert "event: end" in events and last["failures"] == 2
        for at in range(2):
            answer = http.get(f"/v1/entities/evil:{at}")
            assert answer.status_code == 404 or answer.json()["image"] == []


def test_uploads_as_lines_form_and_base64(service: Service, toys: Path) -> None:
    picture = (toys.parent / "img" / "red-bar.png").read_bytes()
    line = json.dumps({"key": "up:line", "title": "line"})
    in_form = json.dumps({"key": "up:form", "title": "form", "image": "deep/x.png"}).encode()
    encoded = {"key": "up:base64", "image": {"base64": base64.b64encode(picture).decode(), "role": "photo"}}
    with httpx.Client(base_url=service[1], timeout=60) as http:
        answers = [
            http.post("/v1/ingest", content=line, headers={"Content-Type": "application/x-ndjson"}),
            http.post(
                "/v1/ingest",
                params={"domain": "uploads"},
                files=[("manifest", ("m.jsonl", in_form)), ("media", ("deep/x.png", picture))],
            ),
            http.post("/v1/ingest", json={"records": [encoded]}),
        ]
        for answer in answers:
            assert answer.status_code == 202, answer.text
            with chiasm.connect(service[1]) as kb:
                job = kb.job(answer.json()["job"]).wait(120)
                assert job.progress.failures == 0, job.failures
        assert http.get("/v1/entities/up:line").json()["title"] == "line"
        entity = http.get("/v1/entities/up:form").json()
        assert entity["domain"] == "uploads" and len(entity["image"]) == 1
        content = http.get(f"/v1/assets/{entity['image'][0]['id']}")
        assert content.content == picture and content.headers["x-content-type-options"] == "nosniff"
        for key in ("up:line", "up:form", "up:base64"):
            assert http.delete(f"/v1/entities/{key}").status_code == 204


def test_an_idempotency_key_asks_once(service: Service) -> None:
    body = {"records": [{"key": "once:1"}]}
    with httpx.Client(base_url=service[1], timeout=60) as http:
        jobs = {
            http.post("/v1/ingest", json=body, headers={"Idempotency-Key": "abc"}).json()["job"]
            for _ in range(2)
        }
    assert len(jobs) == 1


def test_search_forms(service: Service, remote: KnowledgeBase, toys: Path) -> None:
    picture = (toys.parent / "img" / "red-bar.png").read_bytes()
    with httpx.Client(base_url=service[1], timeout=60) as http:
        simple = http.get("/v1/search", params={"text": "blue square", "k": 3}).json()
        posted = http.post("/v1/search", json={"text": "blue square", "k": 3}).json()
        assert simple["hits"] == posted["hits"] and len(simple["hits"]) == 3
        form = http.post("/v1/search", data={"query": '{"text": "red", "k": 2}'}, files={"image": picture})
        assert form.status_code == 200, form.text
        assert form.json()["query"]["modalities"] == ["text", "image"]
        # No image encoder before the first release: said, not hidden.
        assert form.json()["warnings"]


def test_nobody_there() -> None:
    with pytest.raises(ServiceError, match="reached"):
        chiasm.connect("http://127.0.0.1:9")


def test_something_else_there(service: Service) -> None:
    with pytest.raises(ChiasmError):
        chiasm.connect(service[1] + "/v1/entities/x")
