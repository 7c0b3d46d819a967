"""Outcomes are told by a real HTTP server and a real SMTP conversation."""

from __future__ import annotations

import hmac
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Delivery, Job, Notice
from chiasm.errors import UsageError
from chiasm.jobs import schedules, submitters
from chiasm.jobs.firing import fire_due
from chiasm.jobs.notices import note
from chiasm.releases.notify import deliver_due, list_notices, signature_of
from chiasm.releases.notify.delivering import MAX_ATTEMPTS
from chiasm.settings import Settings, load_settings
from chiasm_migrations.upgrade import upgrade_schema

_SECRET = "s" * 24


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted; answers with the statuses that it was given, then 204."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((dict(self.headers.items()), body))
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        self.send_response(status)
        if status == 302:
            self.send_header("Location", self.server.url + "/elsewhere")
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        """Nothing: pytest shows enough."""


class Post(socketserver.ThreadingTCPServer):
    """As much of a mail server as takes letters."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Letters)
        self.letters: list[str] = []


class _Letters(socketserver.StreamRequestHandler):
    server: Post

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line.split()[0].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.letters.append(b"".join(lines).decode())
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 yes\r\n")
            if word == b"QUIT":
                return


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def post() -> Iterator[Post]:
    with Post() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def settings(tmp_path: Path, receiver: Receiver) -> Settings:
    return load_settings(tmp_path, webhook_url=receiver.url, webhook_secret=_SECRET, webhook_private=True)


@pytest.fixture
def catalog(settings: Settings) -> Iterator[Catalog]:
    catalog = Catalog.open(settings)
    upgrade_schema(catalog.engine)
    yield catalog
    catalog.close()


@pytest.fixture
def workspace(catalog: Catalog) -> int:
    return catalog.workspace_id("default")


class Office:
    """Sends what is due at a time of its own."""

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._settings, self._catalog = settings, catalog
        self.now = time.time()

    def __call__(self, after_s: float = 0.0) -> int:
        self.now += after_s
        return deliver_due(self._settings, self._catalog, clock=lambda session: self.now)


def _note(catalog: Catalog, workspace: int, **body: Any) -> None:
    with catalog.write() as session:
        note(session, workspace, "release.promoted", {"release": "r7", **body})


def _told(catalog: Catalog, workspace: int) -> list[dict[str, Any]]:
    with catalog.read() as session:
        return list_notices(session, workspace)


def test_a_message_is_signed_and_sent_once(
    settings: Settings, catalog: Catalog, workspace: int, receiver: Receiver
) -> None:
    _note(catalog, workspace)
    assert (deliver_due(settings, catalog), deliver_due(settings, catalog)) == (1, 0)
    [(headers, body)] = receiver.taken
    signed = signature_of(_SECRET, int(headers["Chiasm-Timestamp"]), body)
    assert hmac.compare_digest(signed, headers["Chiasm-Signature"]) and signed.startswith("v1=")
    assert (
        signature_of(_SECRET, 1, body)
        != signed
        != signature_of("other", int(headers["Chiasm-Timestamp"]), body)
    )
    told = json.loads(body)
    assert (told["event"], told["release"], told["said"]) == (
        "release.promoted",
        "r7",
        "Chiasm, default: release r7 answers",
    )
    assert told["id"] == headers["Chiasm-Delivery"]
    assert _told(catalog, workspace)[0]["deliveries"] == [
        {"channel": "webhook", "state": "sent", "attempts": 1, "error": None}
    ]


def test_two_senders_send_it_once(
    settings: Settings, catalog: Catalog, workspace: int, receiver: Receiver
) -> None:
    for number in range(6):
        _note(catalog, workspace, number=number)
    catalogs = [Catalog.open(settings) for _ in range(2)]
    threads = [threading.Thread(target=deliver_due, args=(settings, one)) for one in catalogs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in catalogs:
        one.close()
    assert sorted(json.loads(body)["number"] for _, body in receiver.taken) == list(range(6))


@pytest.mark.parametrize("status", [302, 404, 500])
def test_what_is_not_taken_is_sent_again_later_and_at_last_given_up(
    settings: Settings, catalog: Catalog, workspace: int, receiver: Receiver, status: int
) -> None:
    send = Office(settings, catalog)
    _note(catalog, workspace)
    receiver.statuses = [status, status]
    assert [send(), send(5), send(6), send(15), send(6)] == [0, 0, 0, 0, 1]
    assert len(receiver.taken) == 3
    assert len({headers["Chiasm-Delivery"] for headers, _ in receiver.taken}) == 1
    receiver.statuses = [status] * 100
    _note(catalog, workspace)
    for _ in range(MAX_ATTEMPTS + 3):
        send(3600)
    newest = _told(catalog, workspace)[0]["deliveries"][0]
    assert (newest["state"], newest["attempts"]) == ("failed", MAX_ATTEMPTS)
    assert f"answers {status}" in newest["error"]


def test_a_sender_that_died_is_made_up_for(
    settings: Settings, catalog: Catalog, workspace: int, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*arguments: Any) -> None:
        raise Killed

    send = Office(settings, catalog)
    _note(catalog, workspace)
    with monkeypatch.context() as patch:
        patch.setattr("chiasm.releases.notify.delivering.send_webhook", killed)
        with pytest.raises(Killed):
            send()
    assert send(30) == 0 and receiver.taken == []
    assert send(31) == 1 and len(receiver.taken) == 1


def test_private_addresses_are_not_called_unless_that_is_meant(
    settings: Settings, catalog: Catalog, workspace: int, receiver: Receiver
) -> None:
    _note(catalog, workspace)
    closed = settings.model_copy(update={"webhook_private": False})
    for url in (
        receiver.url,
        "http://localhost:1/",
        "http://169.254.169.254/x",
        "http://[::1]/",
        "file:///etc/passwd",
    ):
        deliver_due(closed.model_copy(update={"webhook_url": url}), catalog)
        with catalog.write() as session:
            session.execute(update(Delivery).values(due_at=0.0))
            error = session.get_one(Delivery, (1, "webhook")).error or ""
        assert "not public" in error or "is not called" in error, (url, error)
    assert receiver.taken == []


def test_without_a_secret_nothing_is_sent(
    settings: Settings, catalog: Catalog, workspace: int, receiver: Receiver
) -> None:
    _note(catalog, workspace)
    deliver_due(settings.model_copy(update={"webhook_secret": "short"}), catalog)
    assert receiver.taken == []
    assert "CHIASM_WEBHOOK_SECRET" in _told(catalog, workspace)[0]["deliveries"][0]["error"]


def test_news_of_long_ago_is_not_told(
    settings: Settings, catalog: Catalog, workspace: int, receiver: Receiver
) -> None:
    _note(catalog, workspace)
    with catalog.write() as session:
        session.execute(update(Notice).values(created_at=1000.0))
    assert deliver_due(settings, catalog) == 0 and receiver.taken == []


def test_a_letter(
    settings: Settings, catalog: Catalog, workspace: int, post: Post, receiver: Receiver
) -> None:
    mail = {
        "smtp_url": f"smtp://127.0.0.1:{post.server_address[1]}",
        "mail_to": "a@example.org, b@example.org",
    }
    _note(catalog, workspace)
    assert deliver_due(settings.model_copy(update=mail), catalog) == 2
    [letter] = post.letters
    assert (
        "Subject: Chiasm, default: release r7 answers" in letter
        and "To: a@example.org, b@example.org" in letter
    )
    assert len(receiver.taken) == 1
    away = settings.model_copy(update={**mail, "smtp_url": "smtp://127.0.0.1:1", "webhook_url": ""})
    _note(catalog, workspace)
    assert deliver_due(away, catalog) == 0
    assert "mail server" in _told(catalog, workspace)[0]["deliveries"][0]["error"]


@pytest.mark.parametrize(
    ("kind", "params", "state", "result", "event"),
    [
        ("train", {"promote": "gate"}, "done", {"release": "r2", "state": "active"}, "release.promoted"),
        (
            "train",
            {"promote": "gate"},
            "done",
            {"release": "r2", "state": "candidate", "gate": {"reasons": ["text: hit@10 lost"]}},
            "release.refused",
        ),
        ("train", {"promote": False}, "done", {"release": "r2", "state": "candidate"}, None),
        ("train", {"promote": "gate"}, "failed", {"release": "r2"}, "job.failed"),
        ("ingest", {}, "failed", {}, None),
        ("evaluate", {}, "done", {"release": "r1"}, None),
    ],
)
def test_which_ends_of_jobs_are_noted(
    catalog: Catalog,
    workspace: int,
    kind: str,
    params: dict[str, Any],
    state: str,
    result: dict[str, Any],
    event: str | None,
) -> None:
    with catalog.write() as session:
        job = jobs.create_job(session, workspace, kind, params)
        jobs.add_units(session, job, "train", [{"x": 1}])
        job_id = job.id
    [claim] = jobs.claim(catalog, ["train"], "me")
    if state == "failed":
        assert jobs.fail(catalog, claim, UsageError("it names obj:secret"))
        with catalog.write() as session:
            session.execute(update(Job).values(result=result))
    else:
        with catalog.write() as session:
            jobs.finish(session, claim, result)
    with catalog.read() as session:
        assert session.get_one(Job, job_id).state == state
    told = _told(catalog, workspace)
    assert [one["event"] for one in told] == ([event] if event else [])
    if event:
        assert told[0]["body"]["job"] == job_id and "secret" not in json.dumps(told)
    if event == "release.refused":
        assert told[0]["body"]["reasons"] == ["text: hit@10 lost"]


def test_a_schedule_that_cannot_be_fired_is_told_by_name(
    settings: Settings, catalog: Catalog, workspace: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def submit(*arguments: Any, **named: Any) -> int:
        raise UsageError("no such recipe")

    monkeypatch.setitem(submitters._SUBMITTERS, "train", submit)
    schedules.add(catalog, workspace, "nightly", cron="0 * * * *", clock=lambda session: 1000.0)
    assert fire_due(settings, catalog, clock=lambda session: 4000.0) == []
    [told] = _told(catalog, workspace)
    assert (told["event"], told["body"]) == ("schedule.failed", {"schedule": "nightly"})
