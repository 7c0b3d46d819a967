"""Which broker a home has, and what the wake-ups on it are called."""

from __future__ import annotations

import contextlib
import shutil
import stat
import time
from typing import Any

from chiasm.jobs.kinds import QUEUES
from chiasm.settings import Settings

__all__ = ["WAKE_TASK", "celery_options", "is_embedded", "sweep_messages", "wire_name"]

#: Name of the one Celery task; the platform sends it by name.
WAKE_TASK = "chiasm.wake"
#: A hint older than this has long been overtaken by the workers' own look into SQL.
_STALE_S = 60.0
_POLL_S = 0.1


def is_embedded(settings: Settings) -> bool:
    """Whether the home runs without servers, so that its workers are this machine's."""
    return not settings.broker_url and settings.catalog_url.startswith("sqlite")


def wire_name(queue: str) -> str:
    """Name of a lane's queue at the broker."""
    return f"chiasm-{queue}"


def celery_options(settings: Settings) -> dict[str, Any]:
    """Celery settings that the sender and the workers share."""
    from kombu import Exchange, Queue

    # The default exchange needs no binding, hence no shared state that a kill could leave half written.
    queues = [Queue(wire_name(name), Exchange(""), routing_key=wire_name(name)) for name in QUEUES]
    options: dict[str, Any] = {
        "broker_url": settings.broker_url,
        "broker_connection_timeout": 3.0,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "task_queues": queues,
        "task_default_queue": wire_name(QUEUES[0]),
        "task_serializer": "json",
        "accept_content": ["json"],
        "result_backend": None,
        "task_ignore_result": True,
        "task_store_errors_even_if_ignored": False,
        "event_queue_exclusive": True,
    }
    if settings.broker_url.startswith(("redis", "sentinel")):
        options["broker_transport_options"] = {"visibility_timeout": settings.broker_visibility_s}
    if not settings.broker_url:
        folder = settings.queue_dir / "messages"
        folder.mkdir(parents=True, exist_ok=True)
        options |= {
            "broker_url": "filesystem://",
            "broker_transport": "chiasm.jobs.transport:Transport",
            "broker_transport_options": {
                "data_folder_in": str(folder),
                "data_folder_out": str(folder),
                "control_folder": str(settings.queue_dir / "control"),
                "polling_interval": _POLL_S,
            },
        }
    return options


def sweep_messages(settings: Settings) -> int:
    """How many left-over message files of the embedded broker were removed."""
    removed = 0
    oldest = time.time() - _STALE_S
    for path in (settings.queue_dir / "messages").glob("*"):
        # Another worker may sweep at the same time.
        with contextlib.suppress(FileNotFoundError):
            about = path.lstat()
            if about.st_mtime < oldest:
                # A folder is nothing of ours, and no reason to fail.
                shutil.rmtree(path) if stat.S_ISDIR(about.st_mode) else path.unlink()
                removed += 1
    return removed
