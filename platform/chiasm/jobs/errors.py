"""What ends a unit of work early.

```
ChiasmError
 +-- Cancelled             the job was cancelled                        (seen at a heartbeat)
 +-- Interrupted           the worker is being stopped; the unit goes back, nothing is counted against it
 +-- TimeLimitError        a unit made no progress for too long; its process was ended
 +-- ConflictError
      +-- StaleClaim       the lease was lost and somebody else has the unit
```
"""

from __future__ import annotations

from chiasm.errors import ChiasmError, ConflictError

__all__ = ["Cancelled", "Interrupted", "StaleClaim", "TimeLimitError"]


class Cancelled(ChiasmError):  # noqa: N818 - reads as what happened
    """The job was cancelled; a handler lets this pass."""

    slug = "cancelled"


class Interrupted(ChiasmError):  # noqa: N818 - reads as what happened
    """The worker is being stopped; a handler lets this pass and the unit is claimed again later."""

    slug = "interrupted"


class StaleClaim(ConflictError):  # noqa: N818 - reads as what happened
    """The claim's token is not the unit's newest; its effect must not be committed."""

    slug = "stale-claim"


class TimeLimitError(ChiasmError):
    """A unit made no progress for `Settings.stall_s`; the process that worked on it was ended."""

    slug = "time-limit"
