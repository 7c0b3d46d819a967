"""Who is let in."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from chiasm.catalog import Catalog
from chiasm.catalog.keys import create_key, revoke_key
from chiasm.settings import Settings


def make_key(settings: Settings, scope: str, *, workspace: str = "default", name: str | None = None) -> str:
    catalog = Catalog.open(settings)
    workspace_id = catalog.workspace_id(workspace)
    with catalog.write() as session:
        secret = create_key(session, workspace_id, name or f"{scope}-key", scope)
    catalog.close()
    return secret


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/search?text=x", "read"),
        ("POST", "/v1/search", "read"),
        ("POST", "/v1/search/batch", "read"),
        ("GET", "/v1", "read"),
        ("GET", "/v1/entities", "read"),
        ("DELETE", "/v1/entities/a", "write"),
        ("DELETE", "/v1/entities?everything=true", "admin"),
        ("DELETE", "/v1/domains/a", "write"),
        ("DELETE", "/v1/assets/1", "write"),
        ("POST", "/v1/forget", "write"),
        ("GET", "/v1/receipts", "read"),
        ("GET", "/v1/receipts/1", "read"),
        ("POST", "/v1/ingest", "write"),
        ("GET", "/v1/duplicates", "read"),
        ("POST", "/v1/duplicates", "write"),
        ("POST", "/v1/duplicates/merge", "write"),
        ("POST", "/v1/duplicates/unmerge", "write"),
        ("POST", "/v1/duplicates/dismiss", "write"),
        ("GET", "/v1/jobs", "read"),
        ("POST", "/v1/jobs/1/cancel", "write"),
        ("POST", "/v1/jobs/1/retry", "write"),
        ("GET", "/v1/releases", "read"),
        ("POST", "/v1/releases", "admin"),
        ("POST", "/v1/releases/rollback", "admin"),
        ("POST", "/v1/releases/r1/promote", "admin"),
        ("GET", "/v1/schedules", "read"),
        ("POST", "/v1/schedules", "admin"),
        ("DELETE", "/v1/schedules/x", "admin"),
        ("GET", "/v1/schedules/x/runs", "read"),
        ("GET", "/v1/feedback", "read"),
        ("POST", "/v1/feedback", "write"),
        ("GET", "/v1/notices", "admin"),
        ("GET", "/v1/workers", "admin"),
        ("GET", "/v1/graph", "read"),
        ("GET", "/v1/evaluations", "read"),
        ("POST", "/v1/evaluations", "write"),
        ("GET", "/metrics", "read"),
    ],
)
def test_every_route_is_closed_and_asks_for_its_scope(
    public: TestClient, settings: Settings, method: str, path: str, scope: str
) -> None:
    refused = public.request(method, path, json={} if method == "POST" else None)
    assert refused.status_code == 401 and refused.json()["type"] == "urn:chiasm:problem:key-missing"
    assert refused.headers["www-authenticate"] == "Bearer"
    smaller = {"read": None, "write": "read", "admin": "write"}[scope]
    if smaller is not None:
        key = make_key(settings, smaller)
        weak = public.request(
            method, path, json={} if method == "POST" else None, headers={"Authorization": f"Bearer {key}"}
        )
        assert weak.status_code == 403 and scope in weak.json()["remedy"]


def test_every_route_but_health_is_in_the_table_above(public: TestClient) -> None:
    paths = public.get("/openapi.json").json()["paths"]
    open_paths = {"/healthz", "/readyz"}
    for path, operations in paths.items():
        for method, operation in operations.items():
            assert ("security" in operation) == (path not in open_paths), f"{method} {path}"


def test_a_key_opens_by_both_headers_until_it_is_revoked(public: TestClient, settings: Settings) -> None:
    key = make_key(settings, "read")
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
        assert public.get("/v1/entities", headers=headers).status_code == 200
    catalog = Catalog.open(settings)
    workspace_id = catalog.workspace_id("default")
    with catalog.write() as session:
        revoke_key(session, workspace_id, "read-key")
    catalog.close()
    assert public.get("/v1/entities", headers={"X-API-Key": key}).status_code == 401


def test_a_key_opens_its_own_workspace_only(public: TestClient, settings: Settings) -> None:
    from chiasm.catalog.models import Entity

    catalog = Catalog.open(settings)
    workspace_id = catalog.workspace_id("default")
    with catalog.write() as session:
        session.add(Entity(workspace_id=workspace_id, key="a", title="A", attributes={}))
    catalog.close()
    mine, other = make_key(settings, "read"), make_key(settings, "admin", workspace="other")
    assert public.get("/v1/entities/a", headers={"X-API-Key": mine}).status_code == 200
    assert public.get("/v1/entities/a", headers={"X-API-Key": other}).status_code == 404


def test_only_hashes_are_kept(settings: Settings) -> None:
    key = make_key(settings, "admin")
    assert key.encode() not in (settings.home / "catalog.sqlite").read_bytes()


def test_health_needs_no_key(public: TestClient) -> None:
    assert public.get("/healthz").json() == {"status": "ok"}
    assert public.get("/readyz").json()["status"] == "ready"


def test_loopback_needs_no_key_but_a_wrong_one_is_wrong(local: TestClient) -> None:
    assert local.get("/v1/entities").status_code == 200
    assert local.get("/v1/entities", headers={"X-API-Key": "chiasm_no"}).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "localhost:8000"}, 200),
        ({"Host": "[::1]:8000"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:8000"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Host": "127.0.0.1@evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:8000"}, 200),
        ({"Origin": "http://127.0.0.1:9000"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
    ids=str,
)
def test_foreign_pages_are_refused(local: TestClient, headers: dict[str, str], status: int) -> None:
    answer = local.get("/v1/entities", headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_remote_database_is_never_open(settings: Settings) -> None:
    from chiasm.api.access import is_open

    assert is_open(settings, "127.0.0.1") and not is_open(settings, "0.0.0.0")
    remote = settings.model_copy(update={"database_url": "postgresql://user@db/chiasm"})
    assert not is_open(remote, "127.0.0.1")
