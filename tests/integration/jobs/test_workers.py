"""Real worker processes, at every place that a home may have."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from tests.places import EVERYWHERE, SERVERS, on

from chiasm import jobs
from chiasm.catalog.models import Job, Schedule, ScheduleRun, WorkUnit
from chiasm.ingest import submit_ingest
from chiasm.jobs import schedules
from chiasm.jobs.roll import list_workers

Home = Any


def _roll(home: Home) -> list[dict[str, Any]]:
    with home.catalog.read() as session:
        return [one for one in list_workers(session, home.workspace_id) if len(one["lanes"]) == 2]


def _units(home: Home, *columns: Any) -> list[Any]:
    with home.catalog.read() as session:
        return list(session.execute(select(*columns).order_by(WorkUnit.id)))


def _ended(home: Home, job_id: int) -> bool:
    with home.catalog.write() as session:
        waiting = update(WorkUnit).where(WorkUnit.state == "ready", WorkUnit.losses > 2)
        session.execute(waiting.values(available_at=0.0, losses=19))
    return jobs.progress(home.catalog, job_id).ended


def _leased_by_runner(home: Home, worker: int) -> int:
    """Process id of the runner, once it works on a unit and its progress was seen."""

    def working() -> int | None:
        states = [state for (state,) in _units(home, WorkUnit.state)]
        return home.runners(worker)[0] if "leased" in states else None

    return int(home.until(working))


def test_a_home_without_worker_starts_one_that_ends_when_idle(home: Home) -> None:
    job_id = home.ask("grow", [{"leaves": 5}])
    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(lambda _: jobs.ensure_worker(home.settings), range(8)))
    assert sum(started) == 1
    assert home.wait(job_id).result == {"grown": 1, "noted": 5}
    home.until(lambda: jobs.worker_present(home.settings))
    [worker] = home.until(lambda: _roll(home))
    assert {lane["queue"] for lane in worker["lanes"]} == {"ingest", "train"}
    assert not jobs.ensure_worker(home.settings)
    again = home.ask("note", [{"name": "woken"}])
    begin = time.monotonic()
    assert jobs.notify(home.settings, "ingest")
    home.wait(again)
    assert time.monotonic() - begin < 20.0
    home.until(lambda: not jobs.worker_present(home.settings))
    home.until(lambda: not _roll(home))
    late = home.ask("note", [{"name": "late"}])
    assert home.wait(late).state == "done"
    home.until(lambda: not home.alive())


@on(*SERVERS)
def test_a_message_wakes_a_worker(home: Home) -> None:
    assert not jobs.ensure_worker(home.settings)
    home.start("worker", "--queues", "ingest")
    home.until(lambda: b"ready" in home.log.read_bytes())
    job_id = home.ask("note", [{"name": "one"}])
    begin = time.monotonic()
    assert jobs.notify(home.settings, "ingest")
    assert home.wait(job_id).state == "done"
    assert time.monotonic() - begin < 20.0


@on(*EVERYWHERE)
def test_two_workers_never_do_a_unit_twice_and_a_lost_message_loses_nothing(home: Home) -> None:
    workers = [home.start("worker", "--queues", "ingest") for _ in range(2)]
    home.until(lambda: all(home.runners(worker.pid) for worker in workers))
    # Nobody is notified: workers look into SQL by themselves.
    job_id = home.ask("note", [{"name": f"unit-{index}"} for index in range(80)])
    progress = home.wait(job_id)
    assert progress.state == "done"
    assert progress.result == {"noted": 80}
    assert len(set(home.names())) == home.noted() == 80
    assert {claims for (claims,) in _units(home, WorkUnit.claims)} == {1}


@on("local", "rabbitmq")
def test_a_killed_runner_and_a_killed_worker_lose_nothing_and_double_nothing(home: Home) -> None:
    job_id = home.ask("slow", [{"name": "long", "steps": 60}])
    worker = home.start("worker", "--queues", "ingest")
    os.kill(_leased_by_runner(home, worker.pid), signal.SIGKILL)
    home.until(lambda: _units(home, WorkUnit.claims, WorkUnit.state) == [(2, "leased")])
    runner = home.runners(worker.pid)[0]
    worker.kill()
    worker.wait()
    home.until(lambda: not Path(f"/proc/{runner}").exists())
    assert home.names() == []
    home.start("worker", "--queues", "ingest")
    assert home.wait(job_id).result == {"noted": 1}
    assert home.names() == ["long"]
    assert _units(home, WorkUnit.losses, WorkUnit.attempts, WorkUnit.claims) == [(2, 0, 3)]


@on(*EVERYWHERE)
def test_a_worker_that_is_asked_to_stop_gives_its_unit_back(home: Home) -> None:
    job_id = home.ask("slow", [{"name": "long", "steps": 400}])
    worker = home.start("worker", "--queues", "ingest")
    _leased_by_runner(home, worker.pid)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(40) == 0
    assert _units(home, WorkUnit.state, WorkUnit.losses, WorkUnit.attempts) == [("ready", 0, 0)]
    assert jobs.cancel(home.catalog, job_id)
    assert jobs.progress(home.catalog, job_id).state == "cancelled"


@on("redis")
def test_a_record_that_kills_workers_ends_alone_and_a_cancel_reaches_a_running_unit(home: Home) -> None:
    poison = home.ask("poison", [{"ids": [1, 2, 3, 4], "bad": 3}], split_on="ids")
    worker = home.start("worker", "--queues", "ingest")
    home.until(lambda: sorted(home.names()) == ["1", "2", "4"])
    # Twenty workers it gets; the pauses between them would take minutes.
    home.until(lambda: _ended(home, poison))
    [letter] = jobs.failures(home.catalog, poison)
    assert "worker was lost 20 times" in letter.error["what"] and str(letter.where).endswith("ids 3")
    assert jobs.progress(home.catalog, poison).result == {"noted": 3, "failed": 1}
    assert sorted(home.names()) == ["1", "2", "4"]
    running = home.ask("slow", [{"name": "long", "steps": 4000}, {"name": "never", "steps": 1}])
    _leased_by_runner(home, worker.pid)
    jobs.cancel(home.catalog, running)
    assert home.wait(running).units == {"cancelled": 2}
    assert "long" not in home.names()


@on(*EVERYWHERE)
def test_an_error_of_its_own_gives_three_attempts_and_then_a_dead_letter(home: Home) -> None:
    job_id = home.ask("broken", [{}])
    unknown = home.ask("nobody-knows", [{}])
    home.start("worker", "--queues", "ingest")
    progress = home.wait(job_id)
    assert (progress.state, progress.failures) == ("failed", 1)
    assert "it never works" in str(progress.error)
    letter = jobs.failures(home.catalog, job_id)[0]
    assert letter.error["what"] == "RuntimeError: it never works"
    assert "chiasm_trial_units" in str(letter.stack)
    assert _units(home, WorkUnit.attempts)[0] == (3,)
    assert "no handler" in str(home.wait(unknown).error)


@on("rabbitmq")
def test_two_beats_fire_one_job(home: Home, monkeypatch: Any) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "plugin"))
    schedules.add(
        home.catalog, home.workspace_id, "often", job="trial", cron="0 3 * * *", params={"name": "n"}
    )
    beats = [home.start("beat") for _ in range(2)]
    time.sleep(1.5)
    with home.catalog.write() as session:
        session.execute(Schedule.__table__.update().values(next_run_at=time.time() - 7 * 86400))

    def fired() -> int | None:
        with home.catalog.read() as session:
            return session.scalar(select(Job.id).where(Job.kind == "trial"))

    home.until(fired)
    time.sleep(2.5)
    with home.catalog.read() as session:
        assert len(session.scalars(select(Job.id).where(Job.kind == "trial")).all()) == 1
        assert session.scalars(select(ScheduleRun.job_id)).all() == [fired()]
    assert schedules.list_all(home.catalog, home.workspace_id)[0].next_run_at > time.time()
    for beat in beats:
        beat.send_signal(signal.SIGTERM)
        assert beat.wait(40) == 0


def test_up_starts_all_and_leaves_nothing_behind(home: Home) -> None:
    tree = home.start("up", "--port", "0")
    home.until(lambda: jobs.worker_present(home.settings))
    job_id = home.ask("note", [{"name": "through the tree"}])
    assert home.wait(job_id).state == "done"
    tree.send_signal(signal.SIGINT)
    assert tree.wait(60) == 0
    assert home.alive() == []


def test_a_worker_of_an_unknown_home_says_what_to_do(tmp_path: Path, paths: None) -> None:
    command = [sys.executable, "-m", "chiasm_workers", "runner", "--lane", "ingest", "--home", str(tmp_path)]
    environment = {**os.environ, "CHIASM_NO_SUCH": "1"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"unknown setting CHIASM_NO_SUCH" in done.stderr


def test_what_is_read_is_embedded_while_the_rest_is_read(make_home: Any, tmp_path: Path) -> None:
    home = make_home(text_encoder="hash:text/32")
    path = tmp_path / "many.jsonl"
    path.write_text("".join(f'{{"key": "e:{n}", "title": "thing {n}"}}\n' for n in range(6000)))
    job_id = submit_ingest(home.settings, home.catalog, home.workspace_id, path)
    home.wait(job_id)
    units = _units(home, WorkUnit.kind, WorkUnit.started_at, WorkUnit.finished_at)
    [read_until] = [finished for kind, _, finished in units if kind == "read"]
    began = [started for kind, started, _ in units if kind == "embed"]
    assert len(began) >= 6 and min(began) < read_until
