"""Cron lines: checked when given, and when they are due, also where a clock is put forward or back.

A line is read against the clock on the wall; what the wall shows is then found in real time:

- A time that the clock jumps over is due when it has jumped: nothing planned for 02:30 is lost in spring.
- A time that the clock shows twice is due the first time only: nothing planned for 02:30 runs twice in autumn.
- A line of every hour (`*`) is due each hour that really passes, so neither holds for it: an hour that does not exist is
  not due, one that comes twice is due twice.

(As Vixie cron does; croniter alone runs a time that is shown twice both times.)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chiasm.errors import UsageError

__all__ = ["check_cron", "latest_due", "next_due"]

_FORM = 'five fields: minute hour day month weekday, as in "0 3 * * *"'
_MAX_LENGTH = 256
#: More than any clock was ever put forward or back: Samoa left out a day.
_TURN = timedelta(hours=26)
#: Where to look for the latest due time: a line that is due often is due in the last hour.
_SPANS_S = (3600.0, 86_400.0, 32 * 86_400.0, 367 * 86_400.0, 9 * 366 * 86_400.0)
#: Runs that were missed are counted up to here.
_MOST_COUNTED = 1000


def check_cron(line: str, timezone: str = "UTC") -> None:
    """Return if the line and the time zone can be used.

    Raises:
        UsageError: The line is no cron line, never comes due, or the time zone is unknown.
    """
    if len(line) > _MAX_LENGTH:
        raise UsageError(f"more than {_MAX_LENGTH} characters", where="--cron", remedy=_FORM)
    if len(line.split()) != 5 and not line.startswith("@"):
        raise UsageError(f"{line!r} has {len(line.split())} fields", where="--cron", remedy=_FORM)
    fields = line.split()
    # croniter draws lots for R at each question, so that two beats would disagree.
    if any(field[:1] in "rR" for field in fields):
        raise UsageError(f"{line!r} is another time whenever it is read", where="--cron", remedy=_FORM)
    next_due(line, 0.0, timezone)


def next_due(line: str, after: float, timezone: str = "UTC") -> float:
    """The first time after `after` at which the line is due (seconds since the epoch).

    Raises:
        UsageError: The line is no cron line, never comes due, or the time zone is unknown.
    """
    return next(due_times(line, after, timezone))


def due_times(line: str, after: float, timezone: str = "UTC") -> Iterator[float]:
    """All times after `after` at which the line is due, in order; as `next_due`, each found when asked for."""
    zone = _zone(timezone)
    hourly = _is_hourly(line)
    while True:
        after = _following(line, after, zone, hourly)
        yield after


def latest_due(line: str, since: float, now: float, timezone: str = "UTC") -> tuple[float, int]:
    """The last due time from `since` (itself due) to `now`, and how many came before it, counted up to a thousand."""
    latest = since
    for span_s in _SPANS_S:
        begin = max(since, now - span_s)
        latest = max(_until(due_times(line, begin, timezone), now), default=since)
        if latest > since or begin == since:
            break
    before = islice(_until(due_times(line, since, timezone), latest), _MOST_COUNTED)
    return latest, sum(1 for _ in before) if latest > since else 0


def _until(times: Iterator[float], end: float) -> Iterator[float]:
    for time in times:
        if time > end:
            return
        yield time


def _following(line: str, after: float, zone: tzinfo, hourly: bool) -> float:
    """The first due time after `after`."""
    wall = datetime.fromtimestamp(after, zone).replace(tzinfo=None)
    begin = wall - _turned(after, zone)
    for shown in _walls(line, begin):
        found = [time for time in _real(shown, zone, hourly) if time > after]
        if not found:
            continue
        turned = max(wall - begin, _turned(found[0], zone))
        if not turned:
            return found[0]
        # Near a turn the order of the wall is not that of time: a later wall time may be due sooner.
        nearby = _until_wall(_walls(line, wall - turned), shown + turned)
        real = [time for other in nearby for time in _real(other, zone, hourly) if time > after]
        return min(real)
    raise UsageError(f"{line!r} never comes due", where="--cron", remedy=_FORM)


def _until_wall(walls: Iterator[datetime], end: datetime) -> Iterator[datetime]:
    for wall in walls:
        if wall > end:
            return
        yield wall


def _turned(time: float, zone: tzinfo) -> timedelta:
    """By how much the clock is put forward or back about then; mostly zero."""
    at = datetime.fromtimestamp(time, UTC)
    before, after = ((at + turn).astimezone(zone).utcoffset() for turn in (-_TURN, _TURN))
    return abs((after or timedelta()) - (before or timedelta()))


def _real(wall: datetime, zone: tzinfo, hourly: bool) -> list[float]:
    """When the clock on the wall shows this, in order."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    if first == second:
        return [first]
    if first < second:
        return [first, second] if hourly else [first]
    # Jumped over: read before the jump it lies after it, and the other way round.
    return [] if hourly else [_jump(second, first, zone)]


def _jump(before: float, after: float, zone: tzinfo) -> float:
    """The second at which the clock jumps."""
    low, high = int(before), int(after)
    old = datetime.fromtimestamp(low, zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return float(high)


def _walls(line: str, after: datetime) -> Iterator[datetime]:
    """What the wall shows at each due time, in the wall's order, as a clock without turns would."""
    from croniter import CroniterError, croniter

    try:
        times = croniter(line, after.replace(tzinfo=UTC))
        while True:
            yield times.get_next(datetime).replace(tzinfo=None)
    except (CroniterError, ValueError, OverflowError) as error:
        raise UsageError(f"{line!r} cannot be used: {error}", where="--cron", remedy=_FORM) from error


def _is_hourly(line: str) -> bool:
    from croniter import CroniterError, croniter

    try:
        return bool(croniter.expand(line)[0][1] == ["*"])
    except (CroniterError, ValueError) as error:
        raise UsageError(f"{line!r} cannot be used: {error}", where="--cron", remedy=_FORM) from error


def _zone(timezone: str) -> tzinfo:
    try:
        return ZoneInfo(timezone)
    # A region alone is a folder, and a long name no file (OSError).
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(
            f"no time zone {timezone!r}", where="--timezone", remedy="use a name like UTC or Europe/Berlin"
        ) from error
