"""One unit: the handler is called, and what came of it is recorded."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable

from chiasm.errors import NO_ROOM, UnavailableError
from chiasm.jobs import Cancelled, Interrupted, StaleClaim, WorkContext, abandon, fail, postpone, release
from chiasm.jobs.claims import is_held
from chiasm_workers.handlers import find_handler

__all__ = ["work"]

_log = logging.getLogger(__name__)
_AWAY_POLL_S = 0.5


def work(context: WorkContext) -> str:
    """Call the handler of the claimed unit; how it ended: done, cancelled, released, put off, lost or failed.

    A handler commits its effect together with `jobs.finish`. One that returns without it was either asked
    to stop, or has an error. What is no fault of the unit (the database is away, the disk is full) is not counted
    against it.
    """
    claim, catalog = context.claim, context.catalog
    try:
        find_handler(claim.kind)(context, claim)
        if not is_held(catalog, claim):
            return "done"
        context.heart.check()
        raise RuntimeError(f"the handler of {claim.kind!r} ended without finishing its unit")
    except Cancelled:
        return _recorded(context, "cancelled", lambda: abandon(catalog, claim))
    except Interrupted:
        return _recorded(context, "released", lambda: release(catalog, claim))
    except StaleClaim:
        _log.warning("unit %s was lost to another worker", claim.unit_id)
        return "lost"
    except Exception as error:  # noqa: BLE001 - recorded with its stack; the runner goes on
        caught = error
    away = _away(caught)
    if away is not None:
        _log.warning("unit %s (%s) is put off: %s", claim.unit_id, claim.kind, away)
        return _recorded(context, "put off", lambda: postpone(catalog, claim, away))
    _log.warning("unit %s (%s) failed: %s", claim.unit_id, claim.kind, caught)
    return _recorded(context, "failed", lambda: fail(catalog, claim, caught))


def _recorded(context: WorkContext, outcome: str, record: Callable[[], bool]) -> str:
    """The outcome, once the catalog has it: without it nothing else could be done anyway."""
    while True:
        try:
            return outcome if record() else "lost"
        except UnavailableError as error:
            if context.stop():
                # The lease runs out by itself.
                return "lost"
            _log.warning("waiting for the catalog: %s", error)
            time.sleep(_AWAY_POLL_S)


def _away(error: Exception) -> UnavailableError | None:
    """What is missing, if the error is none of the unit's own."""
    if isinstance(error, UnavailableError):
        return error
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return UnavailableError(
            "there is no room left on the disk"
            if error.errno != errno.EFBIG
            else "a file may not grow further",
            where=str(error.filename) if error.filename else None,
            remedy="make room there (or raise the limit); the work goes on by itself",
        )
    return None
