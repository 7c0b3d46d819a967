"""The Celery application: one task that wakes a lane."""

from __future__ import annotations

from collections.abc import Callable

from celery import Celery

from chiasm.jobs.broker import WAKE_TASK, celery_options
from chiasm.settings import Settings

__all__ = ["create_app"]

_WORKER_OPTIONS = {
    # The task only pokes a runner process: nothing is computed here, so nothing can block the broker.
    "worker_pool": "solo",
    "worker_concurrency": 1,
    "worker_prefetch_multiplier": 1,
    "task_acks_late": False,
    # Leases and heartbeats are in SQL; remote control, events and gossip would only fill the broker.
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "beat_scheduler": "chiasm_workers.beat:CatalogScheduler",
}


def create_app(settings: Settings, poke: Callable[[str], None] | None = None) -> Celery:
    """The application of a home.

    Args:
        settings: The home.
        poke: Called with the lane's name for each wake-up; None for a process that takes none (beat).
    """
    app = Celery("chiasm", set_as_current=False)
    app.conf.update(celery_options(settings) | _WORKER_OPTIONS)

    @app.task(name=WAKE_TASK, ignore_result=True)
    def wake(queue: str) -> None:
        """A lane has work, or had: what there is stands in SQL."""
        if poke is not None:
            poke(queue)

    return app
