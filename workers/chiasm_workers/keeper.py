"""The worker's own thread: expired leases, stale messages, and the end when there is nothing to do."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from contextlib import suppress

from chiasm.catalog import Catalog
from chiasm.errors import ChiasmError
from chiasm.jobs import Presence, sweep
from chiasm.jobs.broker import is_embedded, sweep_messages
from chiasm.jobs.claims import has_work
from chiasm.jobs.roll import sign_off, sign_on
from chiasm.settings import Settings
from chiasm_workers.lanes import Lanes
from chiasm_workers.stalls import Stalls

__all__ = ["Keeper"]

_log = logging.getLogger(__name__)
_TICK_S = 0.5
_MESSAGES_S = 30.0
_SIGN_S = 5.0


class Keeper:
    """Looks after what no runner can: it may be dead.

    Args:
        settings: The home.
        catalog: Its catalog.
        lanes: The lanes of this worker.
        presence: The sign that this worker is there.
        until_idle: End the process when there was no work for `settings.idle_s`.
    """

    def __init__(
        self, settings: Settings, catalog: Catalog, lanes: Lanes, presence: Presence, *, until_idle: bool
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._lanes = lanes
        self._presence = presence
        self._until_idle = until_idle
        self._stalls = Stalls(settings, catalog, lanes)
        self._stop = threading.Event()
        self._swept = self._messages = self._busy = time.monotonic()
        self._signed = float("-inf")
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; waits for what is being done."""
        self._stop.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_TICK_S):
            try:
                self._tick(time.monotonic())
            except ChiasmError as error:
                _log.error("the catalog cannot be used: %s", error)
        # Who cannot be reached finds by itself that this process is gone.
        with suppress(ChiasmError):
            sign_off(self._catalog)

    def _tick(self, now: float) -> None:
        if self._lanes.lost.is_set() or now - self._swept > self._settings.lease_s / 3:
            self._lanes.lost.clear()
            self._swept = now
            if sweep(self._catalog):
                for queue in self._lanes.queues:
                    self._lanes.poke(queue)
        self._stalls.end_stalled(now)
        if now - self._signed > _SIGN_S:
            self._signed = now
            sign_on(self._catalog, self._lanes.runners(), self._lanes.device or self._settings.device)
        if is_embedded(self._settings) and now - self._messages > _MESSAGES_S:
            self._messages = now
            sweep_messages(self._settings)
        if self._until_idle:
            self._end_when_idle(now)

    def _end_when_idle(self, now: float) -> None:
        if has_work(self._catalog, self._lanes.queues):
            self._busy = now
            return
        if now - self._busy < self._settings.idle_s:
            return
        self._lanes.stop()
        self._presence.leave()
        # Whoever added work while the lock was held started no worker: look once more without it.
        if has_work(self._catalog, self._lanes.queues) and self._presence.enter():
            self._busy = time.monotonic()
            self._lanes.start()
            return
        self._stop.set()
        os.kill(os.getpid(), signal.SIGTERM)
