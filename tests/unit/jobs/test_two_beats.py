"""Two beats over a simulated day on which the clock is changed, while they are killed at the worst moments."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Job, Schedule, ScheduleRun
from chiasm.jobs import schedules, submitters
from chiasm.jobs.firing import fire_due
from chiasm.jobs.history import history
from chiasm.settings import Settings

_BERLIN = ZoneInfo("Europe/Berlin")


class Killed(BaseException):
    """The process is gone: nothing it would have done next is done."""


class Day:
    """Beats that look at their schedules at times of a simulated clock."""

    def __init__(self, settings: Settings, catalog: Catalog, begin: datetime) -> None:
        self.now = begin.timestamp()
        self._settings = settings
        self._catalogs = [Catalog(catalog.url) for _ in range(2)]

    def tick(self, beats: int = 2) -> int:
        """All beats look at once; how many of them died over it."""
        with ThreadPoolExecutor(beats) as pool:
            looks = [pool.submit(self._look, catalog) for catalog in self._catalogs[:beats]]
            return sum(isinstance(look.exception(), Killed) for look in looks if look.exception())

    def close(self) -> None:
        for catalog in self._catalogs:
            catalog.close()

    def _look(self, catalog: Catalog) -> list[int]:
        return fire_due(self._settings, catalog, clock=lambda session: self.now)


@pytest.fixture
def make_day(settings: Settings, catalog: Catalog) -> Iterator[Callable[[datetime], Day]]:
    made: list[Day] = []

    def make(begin: datetime) -> Day:
        made.append(Day(settings, catalog, begin))
        return made[-1]

    yield make
    for day in made:
        day.close()


@pytest.fixture
def killing(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """How likely a beat dies before it makes a job, and after; jobs end as they are made, if so."""
    chances = {"before": 0.0, "after": 0.0, "ends": 1.0}
    dice = random.Random(7)

    def submit(
        settings: Settings, catalog: Catalog, workspace_id: int, *, idempotency_key: str, **params: Any
    ) -> int:
        if dice.random() < chances["before"]:
            raise Killed
        with catalog.write() as session:
            job = jobs.create_job(session, workspace_id, "train", params, idempotency_key)
            if chances["ends"]:
                job.state = "done"
        if dice.random() < chances["after"]:
            raise Killed
        return job.id

    monkeypatch.setitem(submitters._SUBMITTERS, "train", submit)
    return chances


def _minutes(begin: datetime, hours: int, due: Callable[[datetime], bool]) -> list[float]:
    """Due times as somebody finds them who looks at a wall clock each minute."""
    real = (begin + timedelta(minutes=minute) for minute in range(1, hours * 60 + 1))
    return [one.timestamp() for one in real if due(one.astimezone(_BERLIN))]


_LINES: dict[str, tuple[str, Callable[[datetime], bool]]] = {
    "hourly": ("5 * * * *", lambda wall: wall.minute == 5),
    "halves": ("*/30 * * * *", lambda wall: wall.minute % 30 == 0),
    # On the day of 25 October the first of the two half past twos.
    "morning": ("30 2 * * *", lambda wall: (wall.hour, wall.minute, wall.fold) == (2, 30, 0)),
    "evening": ("45 20 * * *", lambda wall: (wall.hour, wall.minute) == (20, 45)),
}


@pytest.mark.parametrize(
    ("begin", "skipped"),
    [
        # The clock jumps from 02:00 to 03:00: what was planned for 02:30 is due then.
        (datetime(2026, 3, 28, 22, 50, tzinfo=UTC), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        (datetime(2026, 10, 24, 21, 50, tzinfo=UTC), None),
    ],
    ids=["forward", "back"],
)
def test_no_run_is_doubled_and_none_is_missed(
    catalog: Catalog,
    workspace_id: int,
    make_day: Callable[[datetime], Day],
    killing: dict[str, float],
    begin: datetime,
    skipped: datetime | None,
) -> None:
    day = make_day(begin)
    for name, (line, _) in _LINES.items():
        schedules.add(
            catalog,
            workspace_id,
            name,
            cron=line,
            timezone="Europe/Berlin",
            if_running="queue",
            if_missed="all",
            clock=lambda session: day.now,
        )
    killing |= {"before": 0.2, "after": 0.2}
    dice, end, died = random.Random(3), day.now + 26 * 3600, 0
    while day.now < end:
        died += day.tick(beats=dice.choice((1, 2, 2)))
        # Now and then no beat is there for an hour and a half.
        day.now += dice.uniform(200, 1200) if dice.random() > 0.05 else 5400.0
    killing |= {"before": 0.0, "after": 0.0}
    for _ in range(4):
        day.tick()
        day.now += 11
    assert died > 12
    made = Counter(_keys(catalog))
    assert set(made.values()) == {1}
    with catalog.read() as session:
        rows = session.execute(
            select(Schedule.name, Schedule.id, ScheduleRun.due_at, ScheduleRun.state, Job.idempotency_key)
            .join(ScheduleRun, ScheduleRun.schedule_id == Schedule.id)
            .outerjoin(Job, Job.id == ScheduleRun.job_id)
        ).all()
    assert {state for *_, state, _ in rows} == {"fired"}
    assert all(key == f"schedule:{row_id}:{due_at:.3f}" for _, row_id, due_at, _, key in rows)
    hours = int((day.now - begin.timestamp()) // 3600) + 1
    for name, (_, due) in _LINES.items():
        expected = _minutes(begin, hours, due)
        if name == "morning" and skipped is not None:
            expected = sorted({*expected, skipped.timestamp()})
        found = sorted(due_at for other, _, due_at, *_ in rows if other == name)
        assert found == [time for time in expected if time <= day.now - 11]
    assert len(made) == len(rows)


def test_a_run_waits_for_the_one_before_it(
    catalog: Catalog, workspace_id: int, make_day: Callable[[datetime], Day], killing: dict[str, float]
) -> None:
    day = _hourly(catalog, workspace_id, make_day, killing, if_running="queue")
    outcomes = []
    for _ in range(3):
        day.now += 3600
        day.tick()
        outcomes.append([run["outcome"] for run in history(catalog, workspace_id, "hourly")])
    assert outcomes == [["queued"], ["waiting", "queued"], ["waiting", "waiting", "queued"]]
    for waiting in (1, 0, 0):
        _end_jobs(catalog)
        day.now += 5
        day.tick()
        assert sum(run["outcome"] == "waiting" for run in history(catalog, workspace_id, "hourly")) == waiting
    assert len(_keys(catalog)) == 3


def test_a_run_is_left_out_while_the_one_before_it_goes_on(
    catalog: Catalog, workspace_id: int, make_day: Callable[[datetime], Day], killing: dict[str, float]
) -> None:
    day = _hourly(catalog, workspace_id, make_day, killing, if_running="skip")
    for _ in range(2):
        day.now += 3600
        day.tick()
    _end_jobs(catalog)
    day.now += 3600
    day.tick()
    runs = history(catalog, workspace_id, "hourly")
    assert [run["outcome"] for run in runs] == ["queued", "skipped", "done"]
    assert runs[1]["note"] == f"job {runs[2]['job']} of an earlier run has not ended"


def test_a_run_takes_the_place_of_the_one_before_it_even_if_the_beat_dies_over_it(
    catalog: Catalog, workspace_id: int, make_day: Callable[[datetime], Day], killing: dict[str, float]
) -> None:
    day = _hourly(catalog, workspace_id, make_day, killing, if_running="replace")
    day.now += 3600
    day.tick()
    killing |= {"before": 1.0}
    day.now += 3600
    assert day.tick() == 1
    killing |= {"before": 0.0}
    day.now += 11
    day.tick()
    runs = history(catalog, workspace_id, "hourly")
    assert [run["outcome"] for run in runs] == ["queued", "cancelled"]
    assert runs[1]["job"] != runs[0]["job"]


@pytest.mark.parametrize(
    ("policy", "fired", "notes"),
    [
        ("once", ["12:00"], ["2 before it were missed"]),
        ("skip", [], ["2 before it were missed, and this one"]),
    ],
)
def test_what_nobody_looked_for_in_time(
    catalog: Catalog,
    workspace_id: int,
    make_day: Callable[[datetime], Day],
    killing: dict[str, float],
    policy: str,
    fired: list[str],
    notes: list[str],
) -> None:
    day = _hourly(catalog, workspace_id, make_day, killing, if_missed=policy)
    day.now += 3 * 3600 + 1800
    day.tick()
    runs = history(catalog, workspace_id, "hourly")
    assert [run["note"] for run in runs] == notes
    due = [datetime.fromtimestamp(run["due_at"], UTC).strftime("%H:%M") for run in runs if run["job"]]
    assert due == fired
    # What comes next comes in time.
    _end_jobs(catalog)
    day.now += 1800
    day.tick()
    assert history(catalog, workspace_id, "hourly")[0]["outcome"] == "queued"


def test_no_more_than_a_hundred_runs_wait(
    catalog: Catalog, workspace_id: int, make_day: Callable[[datetime], Day], killing: dict[str, float]
) -> None:
    day = _hourly(catalog, workspace_id, make_day, killing, if_running="queue", if_missed="all")
    day.now += 150 * 3600
    day.tick()
    day.tick()
    states = Counter(run["outcome"] for run in history(catalog, workspace_id, "hourly", limit=500))
    assert states == {"queued": 1, "waiting": 100}
    _end_jobs(catalog)
    for _ in range(9):
        day.now += 1
        day.tick(beats=1)
        _end_jobs(catalog)
    # For each that went on there is room for one more.
    states = Counter(run["outcome"] for run in history(catalog, workspace_id, "hourly", limit=500))
    assert states == {"done": 10, "waiting": 100}


def test_a_thousand_rows_of_history_are_kept(
    catalog: Catalog, workspace_id: int, make_day: Callable[[datetime], Day], killing: dict[str, float]
) -> None:
    day = _hourly(catalog, workspace_id, make_day, killing)
    with catalog.write() as session:
        session.add_all(
            ScheduleRun(schedule_id=1, due_at=float(n), state="skipped", created_at=float(n))
            for n in range(1005)
        )
    day.now += 3600
    day.tick()
    runs = history(catalog, workspace_id, "hourly", limit=5000)
    assert len(runs) == 1000 and runs[0]["outcome"] == "queued"


def _hourly(
    catalog: Catalog,
    workspace_id: int,
    make_day: Callable[[datetime], Day],
    killing: dict[str, float],
    **policies: Any,
) -> Day:
    killing["ends"] = 0.0
    day = make_day(datetime(2026, 5, 1, 9, 0, 1, tzinfo=UTC))
    schedules.add(
        catalog, workspace_id, "hourly", cron="0 * * * *", clock=lambda session: day.now, **policies
    )
    return day


def _end_jobs(catalog: Catalog) -> None:
    with catalog.write() as session:
        session.execute(update(Job).where(Job.state == "queued").values(state="done"))


def _keys(catalog: Catalog) -> list[str]:
    with catalog.read() as session:
        return [key for key in session.scalars(select(Job.idempotency_key)) if key]
