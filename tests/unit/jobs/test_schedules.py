from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Schedule, ScheduleRun
from chiasm.errors import ConflictError, NotFoundError, UsageError
from chiasm.jobs import schedules, submitters
from chiasm.jobs.cron import next_due
from chiasm.jobs.firing import fire_due
from chiasm.jobs.runs import claim
from chiasm.settings import Settings


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the jobs of kind `train` were asked with."""
    calls: list[dict[str, Any]] = []

    def submit(
        settings: Settings, catalog: Catalog, workspace_id: int, *, idempotency_key: str, seed: int = 0
    ) -> int:
        if seed < 0:
            raise UsageError("no such seed")
        with catalog.write() as session:
            job = jobs.create_job(session, workspace_id, "train", {"seed": seed}, idempotency_key)
            calls.append({"key": idempotency_key, "job": job.id})
            return job.id

    monkeypatch.setitem(submitters._SUBMITTERS, "train", submit)
    return calls


def _make_due(catalog: Catalog, seconds: float = 7200.0) -> None:
    with catalog.write() as session:
        session.execute(update(Schedule).values(next_run_at=time.time() - seconds))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cron": "0 3 * *"}, "4 fields"),
        ({"cron": "61 * * * *"}, "out of range"),
        ({"cron": "0 3 31 2 *"}, "cannot be used"),
        ({"cron": "0 3 * * *", "timezone": "Mars/Base"}, "no time zone"),
        ({"cron": "0 3 * * *", "timezone": "Europe"}, "no time zone"),
        ({"cron": "0 3 * * *", "timezone": "../../../etc/passwd"}, "no time zone"),
        ({"cron": "0 3 * * *", "timezone": "UTC\0"}, "no time zone"),
        ({"cron": "0 3 * * *", "timezone": ""}, "no time zone"),
        ({"when_new": 0.1, "timezone": "Europe/Berlin"}, "only the clock"),
        ({"when_new": 0.1, "if_missed": "skip"}, "only the clock"),
        ({"cron": "0 3 * * *", "if_running": "wait"}, "no policy 'wait'"),
        ({"cron": "0 3 * * *", "if_missed": "never"}, "no policy 'never'"),
        ({"cron": "0 3 * * *", "if_missed": "all"}, "all but one would be lost"),
        ({"when_drift": 1.5}, "no distance"),
        ({"when_metric": "accept_rate"}, "no bound of a figure"),
        ({"when_metric": "beauty<0.5"}, "no figure 'beauty'"),
        ({"when_metric": "accept_rate<7"}, "7 is no bound"),
        ({"cron": "0 3 * * *", "job": "bake"}, "no job of kind 'bake'"),
        ({}, "a cron line, a condition"),
        ({"when_new": 1.5}, "no share"),
        ({"when_new": 0.0}, "no share"),
    ],
)
def test_bad_schedules_are_refused(
    catalog: Catalog, workspace_id: int, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        schedules.add(catalog, workspace_id, "nightly", **options)
    assert schedules.list_all(catalog, workspace_id) == []


def test_due_times_follow_the_time_zone() -> None:
    winter = datetime(2026, 1, 10, 12, tzinfo=UTC).timestamp()
    summer = datetime(2026, 7, 10, 12, tzinfo=UTC).timestamp()
    hours = [
        datetime.fromtimestamp(next_due("0 3 * * *", after, zone), UTC).hour
        for after in (winter, summer)
        for zone in ("UTC", "Europe/Berlin")
    ]
    assert hours == [3, 2, 3, 1]


def test_a_missed_schedule_fires_once_for_all_it_missed(
    settings: Settings, catalog: Catalog, workspace_id: int, asked: list[dict[str, Any]]
) -> None:
    shown = schedules.add(catalog, workspace_id, "hourly", cron="0 * * * *", params={"seed": 3})
    assert shown.next_run_at is not None and shown.next_run_at > time.time()
    assert fire_due(settings, catalog) == []
    _make_due(catalog, 86400 * 3)
    assert len(fire_due(settings, catalog)) == 1
    assert fire_due(settings, catalog) == []
    [after] = schedules.list_all(catalog, workspace_id)
    assert after.next_run_at is not None and after.next_run_at > time.time()
    assert after.last_run_at is not None and after.to_dict()["job"] == "train"
    assert len(asked) == 1


def test_one_due_time_is_fired_by_one_beat(settings: Settings, catalog: Catalog, workspace_id: int) -> None:
    schedules.add(catalog, workspace_id, "hourly", cron="0 * * * *")
    assert claim(catalog, 1, 1000.0) is not None
    assert claim(catalog, 1, 1000.0) is None


def test_a_beat_that_died_between_row_and_job_is_caught_up_with(
    settings: Settings, catalog: Catalog, workspace_id: int, asked: list[dict[str, Any]]
) -> None:
    schedules.add(catalog, workspace_id, "hourly", cron="0 * * * *")
    with catalog.write() as session:
        session.add(ScheduleRun(schedule_id=1, due_at=1000.0, created_at=time.time() - 60))
    assert len(fire_due(settings, catalog)) == 1
    assert fire_due(settings, catalog) == []
    assert asked[0]["key"] == "schedule:1:1000.000"


def test_a_schedule_that_cannot_be_fired_does_not_stop_others(
    settings: Settings, catalog: Catalog, workspace_id: int
) -> None:
    schedules.add(catalog, workspace_id, "bad", cron="0 * * * *", params={"seed": -1})
    schedules.add(catalog, workspace_id, "worse", cron="0 * * * *", params={"no_such": 1})
    schedules.add(catalog, workspace_id, "good", cron="0 * * * *")
    _make_due(catalog)
    assert len(fire_due(settings, catalog)) == 1
    assert fire_due(settings, catalog) == []
    with catalog.read() as session:
        errors = [error for error in session.scalars(select(ScheduleRun.error)) if error]
    assert any("no such seed" in error for error in errors) and any("no_such" in error for error in errors)


def test_pause_resume_remove_run(settings: Settings, catalog: Catalog, workspace_id: int) -> None:
    schedules.add(catalog, workspace_id, "hourly", cron="0 * * * *")
    with pytest.raises(ConflictError):
        schedules.add(catalog, workspace_id, "hourly", cron="0 * * * *")
    assert schedules.pause(catalog, workspace_id, "hourly").paused
    _make_due(catalog)
    assert fire_due(settings, catalog) == []
    assert (schedules.resume(catalog, workspace_id, "hourly").next_run_at or 0) > time.time()
    assert fire_due(settings, catalog) == []
    assert schedules.run(settings, catalog, workspace_id, "hourly") > 0
    schedules.remove(catalog, workspace_id, "hourly")
    for call in (schedules.pause, schedules.resume, schedules.remove):
        with pytest.raises(NotFoundError):
            call(catalog, workspace_id, "hourly")
