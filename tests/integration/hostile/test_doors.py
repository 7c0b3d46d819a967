"""A service that is asked what nobody means well with: each is refused in words, and the next one is answered."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from tests.integration.edge.conftest import start_service, stop
from tests.integration.hostile.requests import FILTERS, KEYS, REQUESTS

from chiasm.catalog import Catalog
from chiasm.catalog.keys import create_key
from chiasm.client.embedded import init_home
from chiasm.settings import Settings, load_settings
from chiasm_encoders.testing.tiny_bert import write_tiny_bert

#: Seconds that one answer may take, and characters that it may have.
_SECONDS, _CHARACTERS = 10.0, 5000
_ODD_KEYS = [name for name in KEYS if name not in ("SQL", "per cent signs", "a path")]


@dataclass
class Service:
    """A service with its own worker, and what lies around its home."""

    settings: Settings
    url: str
    http: httpx.Client
    log: Path

    def job(self, body: dict[str, Any]) -> dict[str, Any]:
        """The end of a job that takes records in."""
        sent = {"content": json.dumps(body), "headers": {"Content-Type": "application/json"}}
        answer = self.http.post("/v1/ingest", **sent)
        assert answer.status_code == 202, answer.text
        return self.ended(answer)

    def ended(self, answer: httpx.Response) -> dict[str, Any]:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            job_id = answer.json()["job"]
            now: dict[str, Any] = self.http.get(f"/v1/jobs/{job_id}").json()
            if now["state"] in ("done", "failed"):
                return {**now, "id": job_id}
            time.sleep(0.1)
        raise AssertionError(now)

    def answers(self) -> None:
        """An honest question is answered as ever."""
        found = self.http.get("/v1/entities", params={"where": 'key == "good"'})
        assert found.status_code == 200 and [row["key"] for row in found.json()["entities"]] == ["good"]

    def left(self) -> set[str]:
        """Files around the home, and uploads in it."""
        home = self.settings.home
        return {str(path) for folder in (home.parent, home / "uploads") for path in folder.glob("*")}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    root = tmp_path_factory.mktemp("doors")
    encoder = write_tiny_bert(root / "encoder")
    home = root / "yard" / "home"
    home.mkdir(parents=True)
    (home / "chiasm.toml").write_text(f'text_encoder = "sentence-transformers:{encoder}"\n')
    settings = load_settings(home)
    init_home(settings)
    process, url = start_service(home, root / "service.log")
    try:
        with httpx.Client(base_url=url, timeout=_SECONDS) as http:
            made = Service(settings, url, http, root / "service.log")
            done = made.job({"records": [{"key": "good", "title": "good", "text": "a red circle"}]})
            assert done["state"] == "done" and not done["failures"], done
            yield made
            # The very process that was there at the beginning.
            assert process.poll() is None
    finally:
        stop(process)


def told(answer: httpx.Response, status: int, says: str) -> None:
    """Whether somebody who reads the answer knows what, where, and what to do."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text[:500]
    body = answer.json()
    assert answer.status_code == status, body
    assert re.search(says, body["detail"], re.IGNORECASE) and body.get("where") and body.get("remedy"), body
    assert len(answer.text) < _CHARACTERS


@pytest.mark.parametrize("name", REQUESTS)
def test_requests(service: Service, name: str) -> None:
    asked = REQUESTS[name]
    before = service.left()
    told(service.http.request(asked.method, asked.path, **asked.options), asked.status, asked.says or "")
    assert service.left() == before
    service.answers()


@pytest.mark.parametrize("name", FILTERS)
def test_filters(service: Service, name: str) -> None:
    where, says = FILTERS[name]
    answer = service.http.post("/v1/search", json={"text": "circle", "where": where})
    if says is None:
        assert answer.status_code == 200, answer.text
    else:
        told(answer, 422, says)
    written = where if isinstance(where, str) else json.dumps(where)
    if len(quote(written)) < 30_000:
        listed = service.http.get("/v1/entities", params={"where": written})
        assert listed.status_code == answer.status_code, listed.text
    service.answers()


@pytest.mark.parametrize("name", KEYS)
def test_keys_that_are_not_there(service: Service, name: str) -> None:
    key = KEYS[name]
    path = quote(key, safe="")
    for method, address, options in (
        ("GET", f"/v1/entities/{path}", {}),
        ("DELETE", f"/v1/entities/{path}", {}),
        ("GET", f"/v1/graph/{path}", {}),
        ("GET", "/v1/graph/good", {"params": {"to": key}}),
        ("POST", "/v1/search", {"json": {"entity": key}}),
        ("POST", "/v1/search", {"json": {"text": "x", "near": key}}),
        ("POST", "/v1/search", {"json": {"text": "x", "into": key}}),
        ("POST", "/v1/forget", {"json": {"keys": [key]}}),
        ("DELETE", f"/v1/domains/{path}", {}),
    ):
        answer = service.http.request(method, address, **options)
        assert answer.status_code in (404, 422), (method, address[:40], answer.text[:300])
        told(answer, answer.status_code, "")
    service.answers()


def test_keys_that_are_not_taken_in(service: Service) -> None:
    """Each fails alone, with its place; what may be a key is one, and found by it."""
    records = [{"key": key, "title": name} for name, key in KEYS.items()]
    records += [
        {"key": f"b{at}", "relations": [{"predicate": KEYS[n], "object": "o"}]}
        for at, n in enumerate(_ODD_KEYS)
    ]
    records += [
        {"key": f"c{at}", "relations": [{"predicate": "p", "object": KEYS[n]}]}
        for at, n in enumerate(_ODD_KEYS)
    ]
    records += [{"key": f"d{at}", "domain": KEYS[n]} for at, n in enumerate(_ODD_KEYS)]
    records += [{"key": "e1", "attributes": {"a": "\ud800"}}, {"key": "last", "title": "last"}]
    done = service.job({"records": records})
    listed = service.http.get(f"/v1/jobs/{done['id']}/failures").json()["failures"]
    assert len(listed) == 4 * len(_ODD_KEYS) + 1, listed
    assert all(one["where"] and one["error"]["what"] and one["error"]["remedy"] for one in listed), listed[0]
    for key in ("SQL", "per cent signs", "a path"):
        assert service.http.get(f"/v1/entities/{quote(KEYS[key], safe='')}").json()["title"] == key
    assert service.http.get("/v1/entities/last").status_code == 200


def test_keys_of_the_wrong_scope(service: Service) -> None:
    catalog = Catalog.open(service.settings)
    mine, other = catalog.workspace_id("default"), catalog.workspace_id("other")
    with catalog.write() as session:
        reader = create_key(session, mine, "reader", "read")
        writer = create_key(session, mine, "writer", "write")
        stranger = create_key(session, other, "stranger", "admin")
    catalog.close()
    for key, method, path, status in (
        (reader, "POST", "/v1/ingest", 403),
        (reader, "DELETE", "/v1/entities/good", 403),
        (writer, "DELETE", "/v1/entities?everything=true", 403),
        (writer, "POST", "/v1/releases", 403),
        (stranger, "GET", "/v1/entities/good", 404),
        (stranger, "GET", "/v1/assets/1", 404),
        (stranger, "GET", "/v1/jobs/1", 404),
        (stranger, "DELETE", "/v1/entities/good", 404),
    ):
        body = {"json": {}} if method == "POST" else {}
        answer = service.http.request(method, path, headers={"Authorization": f"Bearer {key}"}, **body)
        told(answer, status, "")
    service.answers()


def _opened(service: Service) -> socket.socket:
    parts = urlsplit(service.url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=_SECONDS)


def _said(connection: socket.socket) -> bytes:
    said = b""
    with contextlib.suppress(ConnectionError, TimeoutError):
        while part := connection.recv(2**16):
            said += part
    return said


RAW = {
    "two hosts": (
        b"GET /v1/entities HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil\r\nConnection: close\r\n\r\n", b" 40[03] "),
    "rubbish": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b" 400 "),
    "a length below nothing": (
        b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\nConnection: close\r\n\r\n", b" 4\\d\\d "
    ),
    "two lengths": (
        b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n"
        b"Connection: close\r\n\r\n0\r\n\r\n", b" 4\\d\\d "
    ),
    "a chunk of no number": (
        b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"zz\r\n", b" 4\\d\\d "
    ),
    "a header of a megabyte": (
        b"GET /v1/entities HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 2**20 + b"\r\n\r\n", b" 4\\d\\d |^$"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RAW)
def test_what_is_no_http(service: Service, name: str) -> None:
    content, status = RAW[name]
    with _opened(service) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(content)
        first = _said(connection).partition(b"\r\n")[0]
    assert re.search(status, first), first
    service.answers()


def test_a_body_without_end(service: Service) -> None:
    """Chunk after chunk, no length: beyond the limit nothing of it is kept."""
    before, sent = service.left(), 0
    with _opened(service) as connection:
        connection.sendall(
            b"POST /v1/schedules HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        with contextlib.suppress(ConnectionError, TimeoutError):
            while sent < 20 * 2**20:
                connection.sendall(b"10000\r\n" + b" " * 2**16 + b"\r\n")
                sent += 2**16
        said = connection.recv(2**16)
    assert b" 413 " in said, said[:200]
    assert service.left() == before
    service.answers()


def test_uploads_that_are_never_finished(service: Service) -> None:
    """Forty who begin and say nothing more hinder nobody; what they sent goes when they go."""
    before = service.left()
    head = (
        b"POST /v1/ingest HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n"
        b'Content-Length: 100000\r\n\r\n{"key": "half'
    )
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(_opened(service)).sendall(head)
        time.sleep(0.2)
        service.answers()
    deadline = time.monotonic() + _SECONDS
    while service.left() != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert service.left() == before


def test_nothing_failed_by_itself(service: Service) -> None:
    """After all that: the service's own log tells of no error that it did not expect."""
    found = service.log.read_text(errors="replace")
    assert "Exception in ASGI application" not in found, found[-3000:]
