"""Celery beat on the catalog's schedules."""

from __future__ import annotations

import logging
import signal
from types import FrameType
from typing import Any

from celery.beat import Scheduler, Service
from sqlalchemy import select

from chiasm.catalog import Catalog
from chiasm.catalog.models import ReleaseTrial
from chiasm.errors import ChiasmError
from chiasm.jobs.firing import fire_due
from chiasm.jobs.waiting import wake
from chiasm.settings import Settings
from chiasm_workers.app import create_app
from chiasm_workers.postman import Postman

__all__ = ["CatalogScheduler", "run_beat"]

_log = logging.getLogger(__name__)
#: A schedule added while beat sleeps is seen at the latest after this.
_TICK_S = 1.0


class CatalogScheduler(Scheduler):
    """Fires what is due in the catalog; keeps nothing itself, so any number of beats may run."""

    max_interval = _TICK_S

    def __init__(self, app: Any, settings: Settings | None = None, **options: Any) -> None:
        self._settings = settings or app.conf["chiasm_settings"]
        self._catalog = Catalog.open(self._settings)
        super().__init__(app, **options)

    def setup_schedule(self) -> None:
        """Nothing to set up: the catalog has the schedules."""

    @property
    def schedule(self) -> dict[str, Any]:
        """Celery's own entries; there are none."""
        return {}

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Fire what is due; seconds until the next look."""
        try:
            jobs = fire_due(self._settings, self._catalog)
            self._judge()
        except ChiasmError as error:
            _log.error("the catalog cannot be used: %s", error)
            return _TICK_S
        if jobs:
            _log.info("schedules made jobs %s", jobs)
            wake(self._settings)
        return _TICK_S

    def _judge(self) -> None:
        """Roll back, or stop, a release on trial that does worse."""
        with self._catalog.read() as session:
            if session.scalar(select(ReleaseTrial.id).where(ReleaseTrial.state == "open").limit(1)) is None:
                return
        from chiasm.releases.verdicts import judge_trials

        for done in judge_trials(self._catalog):
            _log.warning("%s", done)

    def close(self) -> None:
        """Give the catalog's connections back."""
        self._catalog.close()


def run_beat(settings: Settings) -> int:
    """Fire schedules until SIGTERM or SIGINT; exit status."""
    app = create_app(settings)
    app.conf["chiasm_settings"] = settings
    service = Service(app, max_interval=_TICK_S, scheduler_cls=CatalogScheduler)

    def stop(number: int, frame: FrameType | None) -> None:
        service.stop()

    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, stop)
    postman = Postman(settings)
    postman.start()
    try:
        service.start()
    finally:
        postman.stop()
    return 0
