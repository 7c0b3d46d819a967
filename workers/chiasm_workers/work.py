"""One unit: the handler is called, and what came of it is recorded."""

from __future__ import annotations

import logging

from chiasm.jobs import Cancelled, Interrupted, StaleClaim, WorkContext, abandon, fail, release
from chiasm.jobs.claims import is_held
from chiasm_workers.handlers import find_handler

__all__ = ["work"]

_log = logging.getLogger(__name__)


def work(context: WorkContext) -> str:
    """Call the handler of the claimed unit; how it ended: done, cancelled, released, lost or failed.

    A handler commits its effect together with `jobs.finish`. One that returns without it was either asked
    to stop, or has an error.
    """
    claim, catalog = context.claim, context.catalog
    try:
        find_handler(claim.kind)(context, claim)
        if not is_held(catalog, claim):
            return "done"
        context.heart.check()
        raise RuntimeError(f"the handler of {claim.kind!r} ended without finishing its unit")
    except Cancelled:
        abandon(catalog, claim)
        return "cancelled"
    except Interrupted:
        release(catalog, claim)
        return "released"
    except StaleClaim:
        _log.warning("unit %s was lost to another worker", claim.unit_id)
        return "lost"
    except Exception as error:  # noqa: BLE001 - recorded with its stack; the runner goes on
        _log.warning("unit %s (%s) failed: %s", claim.unit_id, claim.kind, error)
        return "failed" if fail(catalog, claim, error) else "lost"
