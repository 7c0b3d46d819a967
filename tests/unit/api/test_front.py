"""Searches as JSON, answered before the framework sees them."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from tests.unit.api.test_access import make_key

from chiasm.catalog import Catalog
from chiasm.catalog.keys import revoke_key
from chiasm.settings import Settings


@pytest.mark.parametrize(
    ("path", "body", "status", "where"),
    [
        ("/v1/search", {"text": "x"}, 200, None),
        ("/v1/search", {"text": "x", "k": 0}, 422, "body.k"),
        ("/v1/search", {"text": "x", "typo": 1}, 422, "body.typo"),
        ("/v1/search", {}, 422, "query"),
        ("/v1/search", {"text": ["x"] * 1001}, 422, "body.text"),
        ("/v1/search", {"vector": [0.1] * 65_537}, 422, "body.vector"),
        ("/v1/search", {"entity": "none"}, 404, "entity"),
        ("/v1/search", {"text": "x", "where": "year >"}, 422, None),
        ("/v1/search/batch", {"queries": [{"text": "x"}, {"text": "y"}]}, 200, None),
        ("/v1/search/batch", {"queries": []}, 422, "body.queries"),
        ("/v1/search/batch", {"queries": [{"text": "x"}, {"k": 3}]}, 422, "query 2"),
        ("/v1/search/batch", {"queries": [{"text": "x"}, {"text": "y", "k": 0}]}, 422, "body.queries.1.k"),
        ("/v1/search/batch", {"queries": [{"text": "x"}] * 1001}, 422, "body.queries"),
    ],
)
def test_answers_and_problems(
    local: TestClient, path: str, body: dict[str, object], status: int, where: str | None
) -> None:
    answer = local.post(path, json=body)
    assert answer.status_code == status, answer.text
    if status == 200:
        assert answer.headers["content-type"] == "application/json"
        for one in answer.json().get("results", [answer.json()]):
            assert one["hits"] == [] and one["release"] == "late-fusion"
        return
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert where is None or str(answer.json()["where"]).startswith(where)


def test_no_json_at_all(local: TestClient) -> None:
    for content in (b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null"):
        assert local.post("/v1/search", content=content).status_code == 422


def test_a_form_and_a_get_go_the_same_way(local: TestClient) -> None:
    form = local.post("/v1/search", data={"query": '{"text": "x"}'}, files={"image": b"no picture"})
    assert form.status_code == 422 and form.json()["type"].endswith("media")
    assert local.get("/v1/search", params={"text": "x"}).json()["hits"] == []
    assert local.put("/v1/search", json={}).status_code == 405


def test_a_revoked_key_opens_nothing_at_once(public: TestClient, settings: Settings) -> None:
    key = make_key(settings, "read")
    headers = {"Authorization": f"Bearer {key}"}
    for _ in range(3):
        assert public.post("/v1/search", json={"text": "x"}, headers=headers).status_code == 200
    catalog = Catalog.open(settings)
    workspace_id = catalog.workspace_id("default")
    with catalog.write() as session:
        revoke_key(session, workspace_id, "read-key")
    catalog.close()
    refused = public.post("/v1/search", json={"text": "x"}, headers=headers)
    assert refused.status_code == 401 and refused.headers["www-authenticate"] == "Bearer"


def test_what_is_described_is_what_is_taken(local: TestClient) -> None:
    described = local.get("/openapi.json").json()
    for path, model in (("/v1/search", "SearchBody"), ("/v1/search/batch", "BatchBody")):
        body = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert body == {"$ref": f"#/components/schemas/{model}"}
    schemas = described["components"]["schemas"]
    assert "entity" in schemas["SearchBody"]["properties"]
    assert schemas["BatchBody"]["properties"]["queries"]["items"] == {
        "$ref": "#/components/schemas/SearchBody"
    }
    assert "PartBody" in schemas


def test_searches_are_counted(local: TestClient) -> None:
    for _ in range(3):
        local.post("/v1/search", json={"text": "x"})
    text = local.get("/metrics").text
    assert 'chiasm_http_requests_total{method="POST",route="/v1/search",status="200"} 3.0' in text
    assert 'chiasm_search_stage_seconds_count{stage="encode"} 3.0' in text
    assert "chiasm_search_in_flight 0.0" in text and "chiasm_search_rejected_total 0.0" in text
    assert 'chiasm_search_cache_total{cache="state",outcome="hit"}' in text
