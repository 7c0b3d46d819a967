"""Deleting, forgetting and revisions over HTTP, without a worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset, Domain, Entity, Job
from chiasm.settings import Settings


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chiasm.jobs.waiting.ensure_worker", lambda *arguments: True)
    for name in ("notify", "ensure_worker"):
        monkeypatch.setattr(f"chiasm.ingest.submit.{name}", lambda *arguments: True)


@pytest.fixture
def catalog(settings: Settings) -> Iterator[Catalog]:
    catalog = Catalog.open(settings)
    workspace = catalog.workspace_id("default")
    with catalog.write() as session:
        session.add(Domain(id=1, workspace_id=workspace, name="a/b"))
        session.flush()
        session.add(Entity(id=1, workspace_id=workspace, key="a", domain_id=1, title="A", revision=3))
        session.flush()
        about: dict[str, Any] = {"modality": "text", "sha256": "0" * 64, "value": "x", "size_bytes": 1}
        session.add(Asset(id=7, workspace_id=workspace, entity_id=1, **about))
    yield catalog
    catalog.close()


@pytest.mark.parametrize(
    ("header", "status"),
    [(None, 204), ('"3"', 204), ('W/"3"', 204), ("3", 204), ("*", 204), ('"2"', 409), ('"x"', 422)],
)
def test_deleting_what_was_seen(local: TestClient, catalog: Catalog, header: str | None, status: int) -> None:
    assert local.get("/v1/entities/a").headers["etag"] == '"3"'
    headers = {} if header is None else {"If-Match": header}
    answer = local.delete("/v1/entities/a", headers=headers)
    assert answer.status_code == status
    assert local.get("/v1/entities/a").status_code == (404 if status == 204 else 200)
    if status == 409:
        assert "revision 3, not 2" in answer.json()["detail"]
    if status == 204:
        assert local.delete("/v1/entities/a").status_code == 204


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/entities/zebra", 404),
        ("/v1/assets/7", 204),
        ("/v1/assets/8", 404),
        ("/v1/domains/a/b", 202),
        ("/v1/domains/c", 404),
        ("/v1/entities", 422),
        ("/v1/entities?everything=true", 202),
    ],
)
def test_deleting_more(local: TestClient, catalog: Catalog, path: str, status: int) -> None:
    answer = local.delete(path)
    assert answer.status_code == status, answer.text
    with catalog.read() as session:
        if status == 202:
            assert session.get_one(Job, answer.json()["job"]).kind == "delete"
        assert (session.get(Asset, 7) is None) == (path == "/v1/assets/7")


def test_forgetting(local: TestClient, catalog: Catalog) -> None:
    for body, status in (({}, 422), ({"keys": []}, 422), ({"keys": ["zebra"]}, 404), ({"keys": "a"}, 422)):
        assert local.post("/v1/forget", json=body).status_code == status
    assert local.get("/v1/receipts").json() == {"receipts": []}
    answer = local.post("/v1/forget", json={"keys": ["a"], "reason": "asked"})
    assert answer.status_code == 202
    receipt = local.get(f"/v1/receipts/{answer.json()['receipt']}").json()
    # Gone at once; a worker clears the files.
    assert local.get("/v1/entities/a").status_code == 404
    assert (
        receipt["state"] == "open" and receipt["reason"] == "asked" and receipt["job"] == answer.json()["job"]
    )
    assert local.get("/v1/receipts").json()["receipts"] == [receipt]
    assert local.get("/v1/receipts/9").status_code == 404


@pytest.mark.parametrize(
    ("records", "header", "status"),
    [
        ([{"key": "a", "title": "new"}], '"3"', 202),
        ([{"key": "a"}, {"key": "b"}], '"3"', 422),
        ([{"key": "a"}], '"three"', 422),
    ],
)
def test_a_record_for_a_revision(
    local: TestClient, settings: Settings, records: list[Any], header: str, status: int
) -> None:
    answer = local.post("/v1/ingest", json={"records": records}, headers={"If-Match": header})
    assert answer.status_code == status, answer.text
    spools = list((settings.home / "uploads").rglob("*.jsonl"))
    written = [json.loads(spool.read_text()) for spool in spools]
    assert written == ([{"key": "a", "title": "new", "if_revision": 3}] if status == 202 else [])


def test_lines_with_media_in_them(local: TestClient, settings: Settings) -> None:
    lines = [
        b'{"key": "a", "image": [{"base64": "aGVsbG8=", "role": "photo"}]}',
        b'{"key": "b", "image": {"base64": "%%%"}}',
        b'{"key": "c", "text": "the word \\"base64\\""',
        b"\xff",
    ]
    headers = {"Content-Type": "application/x-ndjson"}
    assert local.post("/v1/ingest", content=b"\n".join(lines), headers=headers).status_code == 202
    [manifest] = (settings.home / "uploads").rglob("*.jsonl")
    first, *others = manifest.read_bytes().split(b"\n")
    record = json.loads(first)
    assert (manifest.parent / record["image"][0]["path"]).read_bytes() == b"hello"
    # What cannot be read is left to the reader, which names the line.
    assert others == lines[1:]
