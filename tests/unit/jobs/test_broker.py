from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kombu import Connection

import chiasm.jobs
from chiasm import jobs
from chiasm.jobs.broker import celery_options, is_embedded, sweep_messages, wire_name
from chiasm.settings import Settings, load_settings


def _messages(settings: Settings) -> list[Path]:
    return sorted((settings.queue_dir / "messages").glob("*.msg"))


def test_wake_ups_are_coalesced_and_carry_only_the_lane(settings: Settings) -> None:
    for _ in range(3):
        assert jobs.notify(settings, "ingest", "train")
    assert sorted(path.name.split(".")[1] for path in _messages(settings)) == [
        "chiasm-ingest",
        "chiasm-train",
    ]
    options = celery_options(settings)
    with Connection(
        options["broker_url"],
        transport=options["broker_transport"],
        transport_options=options["broker_transport_options"],
    ) as connection:
        queue = connection.SimpleQueue(options["task_queues"][0], no_ack=True)
        message = queue.get(block=False)
        assert message.headers["task"] == "chiasm.wake"
        assert message.payload[:2] == [["ingest"], {}]
    assert len(_messages(settings)) == 1


def test_a_broken_message_is_dropped(settings: Settings) -> None:
    jobs.notify(settings, "train")
    folder = settings.queue_dir / "messages"
    (folder / f"0.{wire_name('ingest')}.msg").write_text("{half")
    options = celery_options(settings)
    with Connection(
        options["broker_url"],
        transport=options["broker_transport"],
        transport_options=options["broker_transport_options"],
    ) as connection:
        channel = connection.default_channel
        assert channel._size(wire_name("ingest")) == 1
        with pytest.raises(Exception) as empty:
            channel._get(wire_name("ingest"))
        assert type(empty.value).__name__ == "Empty"
        assert channel._purge(wire_name("train")) == 1


def test_old_messages_are_swept(settings: Settings) -> None:
    jobs.notify(settings, "ingest")
    assert sweep_messages(settings) == 0
    old = time.time() - 600
    os.utime(_messages(settings)[0], (old, old))
    assert sweep_messages(settings) == 1
    assert _messages(settings) == []


def test_which_homes_are_embedded(tmp_path: Path) -> None:
    assert is_embedded(load_settings(tmp_path))
    assert not is_embedded(load_settings(tmp_path, broker_url="redis://localhost/0"))
    assert not is_embedded(load_settings(tmp_path, database_url="postgresql://localhost/x"))


def test_public_names() -> None:
    assert chiasm.jobs.__all__ == sorted(
        chiasm.jobs.__all__, key=lambda name: (not name.isupper(), name[0].islower(), name)
    )
    assert all(hasattr(chiasm.jobs, name) for name in chiasm.jobs.__all__)


def test_nothing_heavy_is_imported() -> None:
    heavy = "('celery', 'kombu', 'torch', 'croniter')"
    code = f"import sys, chiasm.jobs.schedules; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
