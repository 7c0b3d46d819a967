"""What a schedule does when its job still runs, and with times that nobody looked at."""

from __future__ import annotations

from dataclasses import dataclass

from chiasm.catalog.models import Schedule
from chiasm.errors import UsageError
from chiasm.jobs.cron import latest_due, next_due

__all__ = ["GRACE_S", "IF_MISSED", "IF_RUNNING", "MAX_WAITING", "Plan", "check_policies", "plan_of"]

#: While a job of an earlier run has not ended: leave the run out, let it wait, or cancel that job.
IF_RUNNING = ("skip", "queue", "replace")
#: Of several runs that were missed: the latest only, each of them, or none.
IF_MISSED = ("once", "all", "skip")
#: A time that passed so long ago was missed.
GRACE_S = 60.0
#: Of one schedule. Beyond that, times are not claimed until there is room; what is late then was missed.
MAX_WAITING = 100


@dataclass(frozen=True)
class Plan:
    """The run that a due schedule makes now."""

    due_at: float
    #: When it is due after that.
    next_run_at: float
    #: Runs before it that are not made up for; counted up to a thousand.
    passed_over: int
    #: It is itself to be left out.
    missed: bool

    @property
    def note(self) -> str | None:
        """What is out of the ordinary about it."""
        if not self.passed_over:
            return "nobody looked when it was due" if self.missed else None
        count = f"{self.passed_over}{' or more' if self.passed_over >= 1000 else ''}"
        return f"{count} before it were missed" + (", and this one" if self.missed else "")


def check_policies(if_running: str, if_missed: str) -> None:
    """Return if these are policies that go together.

    Raises:
        UsageError: One of them is unknown, or runs that are made up for would be lost at once.
    """
    for value, known, option in (
        (if_running, IF_RUNNING, "--if-running"),
        (if_missed, IF_MISSED, "--if-missed"),
    ):
        if value not in known:
            raise UsageError(f"no policy {value!r}", where=option, remedy=f"use {', '.join(known)}")
    if if_missed == "all" and if_running != "queue":
        raise UsageError(
            f"of the runs made up for, all but one would be lost again: the first one's job runs ({if_running})",
            where="--if-missed all",
            remedy="use it with --if-running queue",
        )


def plan_of(schedule: Schedule, now: float) -> Plan:
    """The run of a schedule by the clock whose time has come."""
    line, zone = schedule.cron or "", schedule.trigger.get("timezone", "UTC")
    due_at = float(schedule.next_run_at or now)
    if schedule.if_missed == "all":
        return Plan(due_at, next_due(line, due_at, zone), 0, missed=False)
    due_at, passed_over = latest_due(line, due_at, now, zone)
    missed = schedule.if_missed == "skip" and now - due_at > GRACE_S
    return Plan(due_at, next_due(line, due_at, zone), passed_over, missed)
