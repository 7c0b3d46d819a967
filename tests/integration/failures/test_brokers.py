"""Brokers that hand out again, are started anew and forget: work is late at most, and done once."""

from __future__ import annotations

import time

import pytest
from kombu import Connection, Exchange, Queue
from tests.places import SERVERS, on

from chiasm import jobs
from chiasm.catalog.models import WorkUnit
from chiasm.jobs.broker import wire_name

from .conftest import Home, MakeHome, units

#: Far less than the units take.
VISIBILITY_S = 1.0


@on(*SERVERS)
def test_started_anew_and_emptied_in_the_middle_of_a_job(
    make_home: MakeHome, place: dict[str, str], request: pytest.FixtureRequest
) -> None:
    home = make_home(broker_visibility_s=VISIBILITY_S)
    broker = request.getfixturevalue("redis" if place["broker_url"].startswith("redis") else "rabbitmq")
    home.start("worker", "--queues", "ingest")
    job_id = home.ask("slow", [{"name": f"slow-{index}", "steps": 50} for index in range(2)])
    for _ in range(3):
        assert jobs.notify(home.settings, "ingest")
    home.until(lambda: jobs.progress(home.catalog, job_id).units.get("leased"))
    broker.stop()
    begin = time.monotonic()
    late = home.ask("note", [{"name": "asked without a broker"}])
    assert not jobs.notify(home.settings, "ingest")
    assert time.monotonic() - begin < 10.0
    broker.start()
    assert home.wait(job_id).result == {"noted": 2} and home.wait(late).result == {"noted": 1}
    assert jobs.notify(home.settings, "ingest")
    # The worker has found the broker again.
    home.until(lambda: _waiting(home) == 0)
    assert sorted(home.names()) == ["asked without a broker", "slow-0", "slow-1"]
    assert set(units(home, WorkUnit.claims, WorkUnit.losses, WorkUnit.attempts)) == {(1, 0, 0)}


def _waiting(home: Home) -> int:
    with Connection(home.settings.broker_url) as connection:
        queue = Queue(wire_name("ingest"), Exchange(""), routing_key=wire_name("ingest"))
        return int(queue(connection.default_channel).queue_declare().message_count)
