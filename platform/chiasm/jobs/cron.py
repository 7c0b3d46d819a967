"""Cron lines: checked when given, and when they are due next."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chiasm.errors import UsageError

__all__ = ["check_cron", "next_due"]

_FORM = 'five fields: minute hour day month weekday, as in "0 3 * * *"'


def check_cron(line: str, timezone: str = "UTC") -> None:
    """Return if the line and the time zone can be used.

    Raises:
        UsageError: The line is no cron line, never comes due, or the time zone is unknown.
    """
    if len(line.split()) != 5 and not line.startswith("@"):
        raise UsageError(f"{line!r} has {len(line.split())} fields", where="--cron", remedy=_FORM)
    next_due(line, 0.0, timezone)


def next_due(line: str, after: float, timezone: str = "UTC") -> float:
    """The first time after `after` at which the line is due (seconds since the epoch).

    Raises:
        UsageError: The line is no cron line, never comes due, or the time zone is unknown.
    """
    from croniter import CroniterError, croniter

    try:
        zone = ZoneInfo(timezone)
    # A region alone is a folder, and a long name no file (OSError).
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(
            f"no time zone {timezone!r}", where="--timezone", remedy="use a name like UTC or Europe/Berlin"
        ) from error
    try:
        return float(croniter(line, datetime.fromtimestamp(after, zone)).get_next(float))
    except (CroniterError, ValueError) as error:
        raise UsageError(f"{line!r} cannot be used: {error}", where="--cron", remedy=_FORM) from error
