"""A worker: lanes with their runners, a Celery consumer that pokes them, and a keeper."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence

from chiasm.catalog import Catalog
from chiasm.jobs import QUEUES, Presence, settings_environment
from chiasm.jobs.broker import wire_name
from chiasm.settings import Settings
from chiasm_workers.keeper import Keeper
from chiasm_workers.lanes import Lanes

__all__ = ["run_worker", "serve"]

_log = logging.getLogger(__name__)
#: The runners look for work first; only then does this process take cores for its own imports.
_READY_S = 15.0


def run_worker(settings: Settings, queues: Sequence[str] = QUEUES, *, until_idle: bool = False) -> int:
    """Work until SIGTERM or SIGINT; exit status.

    Args:
        settings: The home.
        queues: Lanes to serve.
        until_idle: End after `settings.idle_s` without work.
    """
    lanes = Lanes(queues, settings_environment(settings))
    return serve(settings, lanes, until_idle=until_idle)


def serve(settings: Settings, lanes: Lanes, *, until_idle: bool = False, lock_fd: int | None = None) -> int:
    """Serve lanes that are started already; exit status.

    Args:
        settings: The home.
        lanes: Lanes with their runners.
        until_idle: End after `settings.idle_s` without work.
        lock_fd: Lock of the self-started worker, if this is one.
    """
    presence = Presence(settings, lanes.queues, lock_fd)
    presence.enter()
    # Celery is slow to import; that this worker is there should be seen before.
    from celery import signals

    from chiasm_workers.app import create_app

    keeper = Keeper(settings, Catalog.open(settings), lanes, presence, until_idle=until_idle)
    app = create_app(settings, lanes.poke)
    _quiet(self_started=lock_fd is not None)
    options = {
        "loglevel": settings.log_level,
        "quiet": True,
        "queues": [wire_name(name) for name in lanes.queues],
    }
    worker = app.Worker(without_gossip=True, without_mingle=True, without_heartbeat=True, **options)

    def shutting_down(**details: object) -> None:
        # Before Celery has drained its connection: the runners need the time more.
        lanes.request_stop()

    signals.worker_shutting_down.connect(shutting_down, weak=False)
    try:
        keeper.start()
        worker.start()
    finally:
        keeper.stop()
        lanes.stop()
        presence.leave()
    return int(worker.exitcode or 0)


def _quiet(*, self_started: bool) -> None:
    """Silence what says nothing to whoever reads the log of a home without servers."""
    # The filesystem transport has no host, and kombu says so at every connection.
    logging.getLogger("kombu.connection").setLevel(logging.ERROR)
    if self_started:
        from celery.platforms import SecurityWarning

        # It runs as whoever started it, and takes JSON from a folder that only they can write to.
        warnings.filterwarnings("ignore", category=SecurityWarning)
