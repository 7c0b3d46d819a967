"""What a broker hands over that nobody of ours sent: the worker lives, and the next job is done."""

from __future__ import annotations

import base64
import json
import os
import time
import uuid
import zlib
from pathlib import Path
from typing import Any

from amqp import Message, NotFound
from kombu import Connection
from tests.integration.jobs import conftest as workers
from tests.places import on

from chiasm import jobs
from chiasm.jobs.broker import wire_name

make_home, paths = workers.make_home, workers.paths


def message(body: Any = None, **changes: Any) -> dict[str, Any]:
    """One as ours are, with something else in it."""
    sent = json.dumps([["ingest"], {}, {}] if body is None else body)
    made = {
        "body": base64.b64encode(sent.encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {
            "task": "chiasm.wake",
            "id": str(uuid.uuid4()),
            "lang": "py",
            "argsrepr": "",
            "kwargsrepr": "{}",
        },
        "properties": {
            "correlation_id": str(uuid.uuid4()),
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": wire_name("ingest")},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }
    for name, value in changes.items():
        made[name.replace("_", "-")] = value
    return made


def header(**changes: Any) -> dict[str, Any]:
    made = message()
    return {**made, "headers": {**made["headers"], **changes}}


MESSAGES: dict[str, bytes] = {
    "nothing": b"",
    "half a message": b'{"body": "W1tdLCB7fS',
    "no UTF-8": b"\xff\xfe\x00",
    "100,000 brackets": b"[" * 100_000,
    "a pickle": b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.",
    **{
        name: json.dumps(made).encode()
        for name, made in {
            "a number": 7,
            "a list": [1, 2],
            "null": None,
            "an object of nothing": {},
            "no properties": {"body": "", "headers": {}},
            "properties that are a list": message(properties=[]),
            "no tag": message(properties={}),
            "headers that are a list": message(headers=["task"]),
            "headers that are null": message(headers=None),
            "a body that is no base64": message() | {"body": "é"},
            "a body that is a list": message() | {"body": ["x"]},
            "a body of another type": message(content_type="application/x-python-serialize"),
            "an encoding that is none": message(content_encoding="rot13"),
            "a packed body": header(compression="application/x-bz2"),
            "arguments that are a word": message("ingest"),
            "arguments that are a number": message(7),
            "arguments of another shape": message([[{"queue": 1}], {"x": 2}, {"callbacks": 3}]),
            "no arguments": message([[], {}, {}]),
            "a lane that is a path": message([["../../etc"], {}, {}]),
            "a lane of a million letters": message([["x" * 1_000_000], {}, {}]),
            "a task that is not ours": header(task="os.system"),
            "a task that is a number": header(task=7),
            "a task for tomorrow": header(eta="2999-01-01T00:00:00"),
            "a task for no day": header(eta="yesterday"),
            "a task that is over": header(expires="1999-01-01T00:00:00"),
            "a limit of letters": header(timelimit=["a", "b"]),
            "a task that retries for ever": header(retries=-1),
        }.items()
    },
}


def _put(home: workers.Home, content: bytes) -> None:
    if home.settings.broker_url:
        with Connection(home.settings.broker_url) as connection:
            connection.default_channel.client.lpush(wire_name("ingest"), content)
        return
    folder = home.settings.queue_dir / "messages"
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f"{uuid.uuid4().hex}.tmp"
    aside.write_bytes(content)
    aside.rename(folder / f"{aside.stem}.{wire_name('ingest')}.msg")


def _waiting(home: workers.Home) -> int:
    if home.settings.broker_url:
        with Connection(home.settings.broker_url) as connection:
            return int(connection.default_channel.client.llen(wire_name("ingest")))
    return len(list((home.settings.queue_dir / "messages").glob(f"*.{wire_name('ingest')}.msg")))


def _bomb(size: int) -> bytes:
    """So many zeros, packed."""
    packer, piece = zlib.compressobj(), bytes(2**20)
    return b"".join([packer.compress(piece) for _ in range(size // len(piece))]) + packer.flush()


#: As RabbitMQ carries them: body and properties, which the protocol itself keeps apart and typed.
CARRIED: dict[str, tuple[bytes, dict[str, Any]]] = {
    **{name: (content, {}) for name, content in MESSAGES.items()},
    **{
        f"{name}, said to be ours": (
            content,
            {"content_type": "application/json", "content_encoding": "utf-8", "application_headers": sent},
        )
        for name, content in MESSAGES.items()
        for sent in [message()["headers"]]
    },
    **{
        name: (
            json.dumps(body).encode(),
            {"content_type": "application/json", "content_encoding": "utf-8"} | more,
        )
        for name, body, more in (
            ("no headers", [["ingest"], {}, {}], {}),
            ("an encoding that is none", [["ingest"], {}, {}], {"content_encoding": "rot13"}),
            ("a pickle by name", [["ingest"], {}, {}], {"content_type": "application/x-python-serialize"}),
            ("no type", [["ingest"], {}, {}], {"content_type": None}),
            *(
                (name, body, {"application_headers": {**message()["headers"], **changes}})
                for name, body, changes in (
                    (
                        "a packed body that is not packed",
                        [["ingest"], {}, {}],
                        {"compression": "application/x-bz2"},
                    ),
                    ("a packing that is none", [["ingest"], {}, {}], {"compression": "x" * 1000}),
                    ("arguments that are a word", "ingest", {}),
                    ("arguments that are a number", 7, {}),
                    ("arguments of another shape", [[{"queue": 1}], {"x": 2}, {"callbacks": 3}], {}),
                    ("no arguments", [[], {}, {}], {}),
                    ("a lane of a million letters", [["x" * 1_000_000], {}, {}], {}),
                    ("a task that is not ours", [[], {}, {}], {"task": "os.system"}),
                    ("a task that is a number", [["ingest"], {}, {}], {"task": 7}),
                    ("a task for no day", [["ingest"], {}, {}], {"eta": "yesterday"}),
                    ("a task for tomorrow", [["ingest"], {}, {}], {"eta": "2999-01-01T00:00:00"}),
                    ("a limit of letters", [["ingest"], {}, {}], {"timelimit": ["a", "b"]}),
                    ("an id that is a list", [["ingest"], {}, {}], {"id": [1]}),
                    ("a task that retries for ever", [["ingest"], {}, {}], {"retries": -1}),
                )
            ),
        )
    },
    "a bomb": (
        _bomb(2**30),
        {
            "content_type": "application/json",
            "content_encoding": "utf-8",
            "application_headers": {**message()["headers"], "compression": "application/x-gzip"},
        },
    ),
}


@on("rabbitmq")
def test_messages_of_strangers_through_rabbitmq(make_home: Any) -> None:
    home = make_home()
    worker = home.start("worker", "--queues", "ingest")
    home.wait(home.ask("note", [{"name": "before"}]))
    ours = {"content_type": "application/json", "content_encoding": "utf-8"}
    last = Message(json.dumps([["ingest"], {}, {}]), **ours, application_headers=message()["headers"])
    with Connection(home.settings.broker_url) as connection:
        # The first job may be done before the worker listens.
        home.until(lambda: _kept(connection) == 0)
        channel = connection.default_channel
        for name, (content, properties) in CARRIED.items():
            known = {key: value for key, value in properties.items() if value is not None}
            # One at a time: what ends the listening empties the queue. When the last is taken, so is the one before.
            for each in (Message(content, **known), last):
                channel.basic_publish(each, routing_key=wire_name("ingest"))
                home.until(lambda: _kept(connection) == 0, timeout_s=60)
            assert worker.poll() is None, name
    assert home.wait(home.ask("note", [{"name": "after"}])).result == {"noted": 1}
    assert home.names() == ["before", "after"] and worker.poll() is None
    peak = Path(f"/proc/{worker.pid}/status").read_text().partition("VmHWM:")[2].split()[0]
    assert int(peak) < 500_000


def _kept(connection: Connection) -> int | None:
    """Messages in the lane's queue; None where there is no queue yet, which ends the channel that asked."""
    try:
        with connection.channel() as channel:
            return int(channel.queue_declare(wire_name("ingest"), passive=True).message_count)
    except NotFound:
        return None


@on("local", "redis")
def test_messages_of_strangers(make_home: Any) -> None:
    home = make_home()
    worker = home.start("worker", "--queues", "ingest")
    home.wait(home.ask("note", [{"name": "before"}]))
    for name, content in MESSAGES.items():
        _put(home, content)
        home.until(lambda: _waiting(home) == 0, timeout_s=20)
        time.sleep(0.05)
        assert worker.poll() is None, name
    assert jobs.notify(home.settings, "ingest")
    # Somebody still listens.
    home.until(lambda: _waiting(home) == 0, timeout_s=20)
    assert home.wait(home.ask("note", [{"name": "after"}])).result == {"noted": 1}
    assert home.names() == ["before", "after"] and worker.poll() is None


def test_files_among_the_messages(make_home: Any, tmp_path: Path) -> None:
    """Pipes, links and folders are no messages, and nobody waits for what is behind them."""
    home = make_home()
    (tmp_path / "secret").write_text("secret")
    folder = home.settings.queue_dir / "messages"
    folder.mkdir(parents=True, exist_ok=True)
    ending = f"{wire_name('ingest')}.msg"
    os.mkfifo(folder / f"pipe.{ending}")
    (folder / f"zero.{ending}").symlink_to("/dev/zero")
    (folder / f"link.{ending}").symlink_to(tmp_path / "secret")
    (folder / f"self.{ending}").symlink_to(f"self.{ending}")
    (folder / f"folder.{ending}").mkdir()
    with (folder / f"large.{ending}").open("wb") as large:
        large.truncate(2**33)
    worker = home.start("worker", "--queues", "ingest")
    home.wait(home.ask("note", [{"name": "before"}]))
    home.until(lambda: _waiting(home) == 0, timeout_s=20)
    assert jobs.notify(home.settings, "ingest")
    home.until(lambda: _waiting(home) == 0, timeout_s=20)
    assert worker.poll() is None and (tmp_path / "secret").read_text() == "secret"
    peak = Path(f"/proc/{worker.pid}/status").read_text().partition("VmHWM:")[2].split()[0]
    assert int(peak) < 1_000_000
