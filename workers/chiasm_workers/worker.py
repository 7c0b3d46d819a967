"""A worker: lanes with their runners, a Celery consumer that pokes them, and a keeper."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chiasm.catalog import Catalog
from chiasm.jobs import QUEUES, Presence, settings_environment
from chiasm.jobs.broker import celery_options, wire_name
from chiasm.settings import Settings
from chiasm_workers.keeper import Keeper
from chiasm_workers.lanes import Lanes

if TYPE_CHECKING:
    from celery import Celery

__all__ = ["run_worker", "serve"]

_log = logging.getLogger(__name__)
#: The runners look for work first; only then does this process take cores for its own imports.
_READY_S = 15.0
#: Between a message that ended the listening and the next attempt.
_PAUSE_S = 0.5


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
    _quiet(self_started=lock_fd is not None)
    asked_to_end = threading.Event()

    def shutting_down(**details: object) -> None:
        # Before Celery has drained its connection: the runners need the time more.
        asked_to_end.set()
        lanes.request_stop()

    signals.worker_shutting_down.connect(shutting_down, weak=False)
    try:
        keeper.start()
        while (
            status := _listen(create_app(settings, lanes.poke), settings, lanes)
        ) and not asked_to_end.is_set():
            if not _emptied(settings, lanes):
                break
            asked_to_end.wait(_PAUSE_S)
    finally:
        keeper.stop()
        lanes.stop()
        presence.leave()
    return status


def _listen(app: Celery, settings: Settings, lanes: Lanes) -> int:
    """Poke lanes as messages come; the status with which it ended."""
    options = {
        "loglevel": settings.log_level,
        "quiet": True,
        "queues": [wire_name(name) for name in lanes.queues],
    }
    worker = app.Worker(without_gossip=True, without_mingle=True, without_heartbeat=True, **options)
    worker.start()
    return int(worker.exitcode or 0)


def _emptied(settings: Settings, lanes: Lanes) -> bool:
    """Whether the queues were emptied, after a message that Celery could not take: it would come again.

    Nothing is lost with the others in them: each lane looks into SQL at once. A broker that refuses us is
    another matter, which whoever started this process should see from its end.
    """
    from celery import Celery

    app = Celery("chiasm", set_as_current=False)
    app.conf.update(celery_options(settings))
    try:
        with app.connection_for_write(connect_timeout=3) as connection:
            for name in lanes.queues:
                connection.default_channel.queue_purge(wire_name(name))
    except Exception as error:  # noqa: BLE001 - each transport has its own errors
        _log.error("the broker cannot be used: %s", error)
        return False
    _log.error(
        "a message on the broker could not be taken: the queues were emptied, work goes on from the catalog"
    )
    for name in lanes.queues:
        lanes.poke(name)
    return True


def _quiet(*, self_started: bool) -> None:
    """Silence what says nothing to whoever reads the log of a home without servers."""
    # The filesystem transport has no host, and kombu says so at every connection.
    logging.getLogger("kombu.connection").setLevel(logging.ERROR)
    if self_started:
        from celery.platforms import SecurityWarning

        # It runs as whoever started it, and takes JSON from a folder that only they can write to.
        warnings.filterwarnings("ignore", category=SecurityWarning)
