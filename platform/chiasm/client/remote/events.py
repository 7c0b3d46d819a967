"""A job's server-sent events, followed over broken connections."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from chiasm.client.errors import ServiceError
from chiasm.client.protocol import JsonDict
from chiasm.client.remote.wire import Wire
from chiasm.errors import UnavailableError

__all__ = ["follow_job"]

#: Who follows outlasts a service that is started anew, but not one that stays away.
_AWAY_S = 300.0
_PAUSE_S = 0.5


def follow_job(wire: Wire, job_id: int) -> Iterator[JsonDict]:
    """The job's progress at each change, until it has ended; a lost connection is taken up where it broke.

    Raises:
        NotFoundError: There is no such job.
        ServiceError: The service stays away.
    """
    seen: str | None = None
    heard = time.monotonic()
    while True:
        try:
            for event in wire.events(f"/v1/jobs/{job_id}/events", seen):
                heard = time.monotonic()
                if "data" not in event:
                    continue
                seen = event.get("id", seen)
                yield json.loads(event["data"])
                if event.get("event") == "end":
                    return
        except (ServiceError, UnavailableError):
            if time.monotonic() - heard > _AWAY_S:
                raise
        time.sleep(_PAUSE_S)
