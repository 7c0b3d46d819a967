"""The Celery application: one task that wakes a lane."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery import Celery
from kombu import compression

from chiasm.jobs.broker import WAKE_TASK, celery_options
from chiasm.settings import Settings

__all__ = ["create_app"]

_log = logging.getLogger(__name__)
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
    _refuse_packed()
    app = Celery("chiasm", set_as_current=False)
    app.conf.update(celery_options(settings) | _WORKER_OPTIONS)

    # Not shared: a worker that listens anew makes another application, whose task is its own.
    @app.task(name=WAKE_TASK, ignore_result=True, shared=False, Strategy=staticmethod(_take))
    def wake(queue: str) -> None:
        """A lane has work, or had: what there is stands in SQL."""
        if poke is not None:
            poke(queue)

    return app


def _take(task: Any, app: Celery, consumer: Any, **options: Any) -> Callable[..., None]:
    """How a worker takes a wake-up: acknowledged whatever it says, and run at once.

    Celery's own way makes a request of it first. One that cannot be made ends the listening, or stays
    unacknowledged; on RabbitMQ no other message comes then.
    """

    def take(message: Any, body: Any, ack: Callable[..., object], *unused: Any, **also_unused: Any) -> None:
        ack(_log, consumer.connection_errors)
        try:
            lane = message.payload[0][0]
        except Exception as error:  # noqa: BLE001 - whatever a stranger's message raises
            _log.warning("a message without a lane was dropped: %s", str(error)[:200])
            return
        if isinstance(lane, str):
            task.run(lane)

    return take


def _refuse_packed() -> None:
    """No message of ours is compressed; kombu would unpack a stranger's megabyte into gigabytes before any check."""

    def refuse(body: bytes) -> bytes:
        raise ValueError("compressed messages are not taken")

    for content_type in compression.encoders():
        compression.register(refuse, refuse, content_type)
