"""One judgement of a release at a time: each writes the snapshot that it judges on into the same folder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from chiasm.jobs import WorkContext
from chiasm.jobs.embedded import lock_alone

__all__ = ["judged_alone"]

_POLL_S = 0.2


@contextmanager
def judged_alone(ctx: WorkContext, release_id: int) -> Iterator[None]:
    """Wait until no other unit of this machine judges the release; the lock ends with its process."""
    folder = ctx.settings.queue_dir
    folder.mkdir(parents=True, exist_ok=True)
    while (held := lock_alone(folder / f"judging-{release_id}.lock")) is None:
        ctx.beat(0, 1, "waiting for another judgement")
        time.sleep(_POLL_S)
    try:
        yield
    finally:
        os.close(held)
