"""Wake-ups: hints that there is work, coalesced, and carrying nothing but the lane's name."""

from __future__ import annotations

import logging
import threading
from functools import lru_cache
from typing import Any

from chiasm.jobs.broker import WAKE_TASK, celery_options, wire_name
from chiasm.settings import Settings

__all__ = ["notify"]

_log = logging.getLogger(__name__)
_lock = threading.Lock()


def notify(settings: Settings, *queues: str) -> bool:
    """Wake the workers of the lanes, after the units were committed.

    Work is never lost by a lost wake-up: workers look into SQL every few seconds. A broker that cannot be
    reached is therefore logged and no error.

    Args:
        settings: The home.
        queues: Lanes; default ingest.

    Returns:
        Whether every wake-up was sent or one was waiting already.
    """
    try:
        # One connection a process; kombu's channels are not for several threads at once.
        with _lock:
            _send(settings, queues or ("ingest",))
    except _connection_errors() as error:
        _log.warning("the broker cannot be reached; workers will find the work by themselves: %s", error)
        _sender.cache_clear()
        return False
    return True


def _send(settings: Settings, queues: tuple[str, ...]) -> None:
    sender = _sender(settings)
    with sender.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0.1, timeout=3)
        try:
            _send_on(sender, connection.default_channel, queues)
        except connection.connection_errors + connection.channel_errors as error:
            # Each transport has its own errors; those of a broker that goes away just now are no OSError.
            raise ConnectionError(str(error)) from error


def _send_on(sender: Any, channel: Any, queues: tuple[str, ...]) -> None:
    producer = sender.amqp.Producer(channel, auto_declare=False)
    for queue in queues:
        wanted = sender.amqp.queues[wire_name(queue)]
        waiting = wanted(channel).queue_declare().message_count
        if waiting:
            continue
        sender.send_task(WAKE_TASK, args=[queue], queue=wire_name(queue), producer=producer, retry=False)


@lru_cache(maxsize=8)
def _sender(settings: Settings) -> Any:
    from celery import Celery

    sender = Celery("chiasm", set_as_current=False)
    sender.conf.update(celery_options(settings))
    return sender


def _connection_errors() -> tuple[type[BaseException], ...]:
    from kombu.exceptions import KombuError, OperationalError

    return (KombuError, OperationalError, OSError)
