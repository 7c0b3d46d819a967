from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from chiasm.errors import UsageError
from chiasm.jobs.cron import check_cron, due_times, latest_due, next_due


def _at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _due(line: str, zone: str, after: str, count: int) -> list[str]:
    times = islice(due_times(line, _at(after), zone), count)
    return [datetime.fromtimestamp(time, UTC).strftime("%d %H:%M") for time in times]


@pytest.mark.parametrize(
    ("line", "zone", "after", "due"),
    [
        # Forward: 02:00 to 03:00 is not there on 29 March, and 03:00 is 01:00 UTC.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00", ["28 01:30", "29 01:00", "30 00:30"]),
        ("*/15 2 * * *", "Europe/Berlin", "2026-03-28T02:00", ["29 01:00", "30 00:00", "30 00:15"]),
        ("0 3 * * *", "Europe/Berlin", "2026-03-28T02:30", ["29 01:00", "30 01:00"]),
        ("30 * * * *", "Europe/Berlin", "2026-03-28T23:00", ["28 23:30", "29 00:30", "29 01:30", "29 02:30"]),
        ("0 */2 * * *", "Europe/Berlin", "2026-03-28T22:30", ["28 23:00", "29 01:00", "29 02:00"]),
        # Back: 02:00 to 03:00 comes twice on 25 October, first at 00:00 UTC.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00", ["24 00:30", "25 00:30", "26 01:30"]),
        ("*/30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", ["25 00:00", "25 00:30", "26 01:00"]),
        ("30 * * * *", "Europe/Berlin", "2026-10-24T23:00", ["24 23:30", "25 00:30", "25 01:30", "25 02:30"]),
        ("0 3 * * *", "Europe/Berlin", "2026-10-24T12:00", ["25 02:00", "26 02:00"]),
        # Half an hour, the other half of the world, and a day that was left out.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-02T20:00", ["03 15:30", "04 15:15"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-03T20:00", ["04 14:45", "05 15:15"]),
        ("0 3 * * *", "Pacific/Apia", "2011-12-29T00:00", ["29 13:00", "30 10:00", "30 13:00"]),
        ("0 3 * * *", "UTC", "2026-03-28T12:00", ["29 03:00", "30 03:00"]),
    ],
)
def test_due_times_where_clocks_change(line: str, zone: str, after: str, due: list[str]) -> None:
    assert _due(line, zone, after, len(due)) == due


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("line", ["* * * * *", "17 * * * *"])
def test_a_line_of_every_hour_is_due_in_each_hour_of_the_year(zone: str, line: str) -> None:
    # Around each turn: what is due are exactly the instants whose wall shows a due minute.
    for month in (3, 4, 10, 11):
        begin = datetime(2026, month, 1, tzinfo=UTC) - timedelta(days=1)
        for day in range(33):
            start = begin + timedelta(days=day)
            found = list(islice(due_times(line, start.timestamp(), zone), 6))
            real = [start + timedelta(minutes=minute) for minute in range(1, 7 * 60 + 1)]
            shown = [one for one in real if line[0] == "*" or one.astimezone(ZoneInfo(zone)).minute == 17]
            assert found == [one.timestamp() for one in shown[:6]]


def test_a_year_of_mornings_has_each_day_once() -> None:
    for hour in range(5):
        times = list(islice(due_times(f"30 {hour} * * *", _at("2026-01-01T12:00"), "America/New_York"), 364))
        days = [datetime.fromtimestamp(time, ZoneInfo("America/New_York")).date() for time in times]
        assert days == [datetime(2026, 1, 2).date() + timedelta(days=n) for n in range(364)]


@pytest.mark.parametrize(
    ("line", "since", "now", "latest", "before"),
    [
        ("0 3 * * *", "2026-05-01T03:00", "2026-05-01T12:00", "2026-05-01T03:00", 0),
        ("0 3 * * *", "2026-05-01T03:00", "2026-05-04T12:00", "2026-05-04T03:00", 3),
        ("0 3 * * *", "2026-05-01T03:00", "2026-05-04T03:00", "2026-05-04T03:00", 3),
        ("* * * * *", "2024-05-01T03:00", "2026-05-04T03:00", "2026-05-04T03:00", 1000),
        ("0 0 1 1 *", "2020-01-01T00:00", "2026-05-04T03:00", "2026-01-01T00:00", 6),
        ("0 0 29 2 *", "2016-02-29T00:00", "2026-05-04T03:00", "2024-02-29T00:00", 2),
    ],
)
def test_the_latest_of_what_was_missed(line: str, since: str, now: str, latest: str, before: int) -> None:
    assert latest_due(line, _at(since), _at(now)) == (_at(latest), before)


@pytest.mark.parametrize("line", ["R R * * *", "r 3 * * *", "1," * 200 + "1 3 * * *", "@reboot", "H 3 * * *"])
def test_lines_that_cannot_be_used(line: str) -> None:
    with pytest.raises(UsageError, match="--cron"):
        check_cron(line)


def test_words_for_lines() -> None:
    assert next_due("@daily", _at("2026-01-01T12:00")) == _at("2026-01-02T00:00")
