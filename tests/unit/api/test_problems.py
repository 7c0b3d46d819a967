"""Every error is a problem document."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "slug"),
    [
        ("GET", "/nowhere", {}, 404, "not-found"),
        ("PUT", "/v1/search", {}, 405, "usage"),
        ("GET", "/v1/entities/zebra:1/2", {}, 404, "not-found"),
        ("GET", "/v1/jobs/77", {}, 404, "not-found"),
        ("GET", "/v1/jobs/77/events", {}, 404, "not-found"),
        ("GET", "/v1/jobs/x", {}, 422, "usage"),
        ("GET", "/v1/jobs?limit=0", {}, 422, "usage"),
        ("GET", "/v1/releases/r9", {}, 404, "not-found"),
        ("GET", "/v1/assets/5", {}, 404, "not-found"),
        ("GET", "/v1/graph/zebra", {}, 404, "not-found"),
        ("GET", "/v1/entities?where=year%20%3E", {}, 422, "filter"),
        ("GET", "/v1/entities?where=%7Bbroken", {}, 422, "filter"),
        ("GET", "/v1/search", {}, 422, "usage"),
        ("POST", "/v1/search", {"content": b"{broken"}, 422, "usage"),
        ("POST", "/v1/search", {"json": {"colour": "red"}}, 422, "usage"),
        ("POST", "/v1/search", {"json": {"text": "x", "k": 0}}, 422, "usage"),
        ("POST", "/v1/search", {"json": {"image": "not base64!"}}, 422, "input"),
        ("POST", "/v1/search", {"json": {"image": "AAAA"}}, 422, "media"),
        ("POST", "/v1/search", {"json": {"not_text": "x"}}, 422, "usage"),
        ("POST", "/v1/search", {"json": {"parts": [{"kind": "text"}]}}, 422, "usage"),
        ("POST", "/v1/search", {"files": {"smell": b"x"}}, 422, "usage"),
        ("POST", "/v1/ingest", {"json": {}}, 422, "input"),
        ("POST", "/v1/ingest", {"json": {"records": ["x"]}}, 422, "manifest"),
        ("POST", "/v1/ingest", {"content": b"x", "headers": {"Content-Type": "text/html"}}, 422, "usage"),
        ("POST", "/v1/ingest", {"files": {"media": ("a.png", b"x")}}, 422, "usage"),
        ("POST", "/v1/ingest", {"files": {"manifest": ("../up.jsonl", b"{}")}}, 422, "input"),
        ("POST", "/v1/ingest", {"files": {"manifest": ("/etc/x.jsonl", b"{}")}}, 422, "input"),
        ("POST", "/v1/releases", {"json": {"recipe": "../../etc/passwd"}}, 422, "usage"),
        ("POST", "/v1/releases", {"json": {"recipe": "/tmp/r.yaml"}}, 422, "usage"),
        ("POST", "/v1/evaluations", {"json": {}}, 404, "not-found"),
        ("POST", "/v1/schedules", {"json": {"name": "n", "cron": "often"}}, 422, "usage"),
        ("POST", "/v1/schedules/n/pause", {}, 404, "not-found"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_problem(local: TestClient, method: str, path: str, options: dict, status: int, slug: str) -> None:
    answer = local.request(method, path, **options)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert (answer.status_code, body["status"], body["type"]) == (
        status,
        status,
        f"urn:chiasm:problem:{slug}",
    ), body
    assert body["title"] and body["detail"]


def test_what_breaks_inside_stays_inside(local: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from chiasm.client.embedded import EmbeddedBackend

    def broken(self: object, **options: object) -> None:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(EmbeddedBackend, "releases", broken)
    answer = local.get("/v1/releases")
    assert answer.status_code == 500 and "secret" not in answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_bodies_have_a_limit_announced_or_not(local: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chiasm.api.guard._MAX_BYTES", {"/": 10, "/v1/search": 10, "/v1/ingest": 10})

    def drip() -> object:
        yield from [b'{"text": ', b'"a very long text"}']

    for body in (b'{"text": "a very long text"}', drip()):
        answer = local.post("/v1/search", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413 and answer.json()["type"].endswith("too-large")


def test_not_ready_without_a_schema(tmp_path) -> None:
    from chiasm.api import create_app
    from chiasm.settings import load_settings

    (tmp_path / "h").mkdir()
    with TestClient(create_app(load_settings(tmp_path / "h")), base_url="http://127.0.0.1") as client:
        answer = client.get("/readyz")
        assert answer.status_code == 503 and "db upgrade" in answer.json()["remedy"]
        assert client.get("/healthz").status_code == 200


def test_metrics_count_by_template(local: TestClient) -> None:
    for key in ("a", "b"):
        local.get(f"/v1/entities/{key}")
    text = local.get("/metrics").text
    assert 'chiasm_http_requests_total{method="GET",route="/v1/entities/{key:path}",status="404"} 2.0' in text
    assert "chiasm_http_request_seconds_bucket" in text
