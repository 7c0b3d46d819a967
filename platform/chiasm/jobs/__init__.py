"""Work that survives: jobs and units in SQL, claims by lease, dead letters, schedules.

The rows are the truth. A message at the broker is a wake-up without content; if it is lost, work is late, not
gone. A unit is claimed with a lease by the database's clock and a fencing token that counts up; its effect is
committed together with `finish`, which a stale token is refused.
"""

from chiasm.jobs.claims import Claim, advance, claim, heartbeat, release
from chiasm.jobs.context import Tools, WorkContext
from chiasm.jobs.control import DeadLetter, cancel, failures, list_jobs, retry
from chiasm.jobs.create import add_units, create_job, find_job
from chiasm.jobs.embedded import Presence, ensure_worker, settings_environment, worker_present
from chiasm.jobs.errors import Cancelled, Interrupted, StaleClaim, TimeLimitError
from chiasm.jobs.kinds import QUEUES, UnitKind, register_kind, unit_kind
from chiasm.jobs.notify import notify
from chiasm.jobs.outcomes import abandon, fail, finish, postpone, record_failure
from chiasm.jobs.owners import owner_name
from chiasm.jobs.pausing import pause, resume
from chiasm.jobs.progress import FINAL_STATES, Progress, progress
from chiasm.jobs.pulsing import Heart
from chiasm.jobs.sweeping import sweep
from chiasm.jobs.waiting import follow, wait, wake

__all__ = [
    "FINAL_STATES",
    "QUEUES",
    "Cancelled",
    "Claim",
    "DeadLetter",
    "Heart",
    "Interrupted",
    "Presence",
    "Progress",
    "StaleClaim",
    "TimeLimitError",
    "Tools",
    "UnitKind",
    "WorkContext",
    "abandon",
    "add_units",
    "advance",
    "cancel",
    "claim",
    "create_job",
    "ensure_worker",
    "fail",
    "failures",
    "find_job",
    "finish",
    "follow",
    "heartbeat",
    "list_jobs",
    "notify",
    "owner_name",
    "pause",
    "postpone",
    "progress",
    "record_failure",
    "register_kind",
    "release",
    "resume",
    "retry",
    "settings_environment",
    "sweep",
    "unit_kind",
    "wait",
    "wake",
    "worker_present",
]
