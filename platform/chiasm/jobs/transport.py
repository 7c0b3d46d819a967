"""The embedded broker: kombu's filesystem transport, made safe against processes that are killed.

kombu writes a message in place, so that a reader may see half of it, and moves what it took to a folder where
a killed reader leaves it. Here a message appears complete or not at all, is taken by one reader, and a file
that cannot be read is dropped: a message is a hint, the work itself is in SQL.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import stat
import uuid
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem

__all__ = ["Channel", "Transport"]

_log = logging.getLogger(__name__)
#: A wake-up has less than one thousand.
_MAX_BYTES = 64 * 2**10
_PARTS = ("headers", "properties")


class Channel(filesystem.Channel):
    """Messages as files `<name>.<queue>.msg` in one folder."""

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:
        folder = Path(self.data_folder_out)
        folder.mkdir(parents=True, exist_ok=True)
        name = uuid.uuid4().hex
        aside = folder / f"{name}.tmp"
        aside.write_text(json.dumps(payload), encoding="utf-8")
        aside.rename(folder / f"{name}.{queue}.msg")

    def _get(self, queue: str) -> Any:
        for path in self._waiting(queue):
            taken = path.with_suffix(f".{os.getpid()}.taken")
            try:
                path.rename(taken)
                return _message(taken)
            except FileNotFoundError:
                # Another reader was faster.
                continue
            except (OSError, ValueError, RecursionError) as error:
                _log.warning("dropped a wake-up", extra={"file": path.name, "error": str(error)[:200]})
            finally:
                with suppress(OSError):
                    taken.unlink()
        raise Empty

    def _size(self, queue: str) -> int:
        return len(self._waiting(queue))

    def _purge(self, queue: str) -> int:
        waiting = self._waiting(queue)
        for path in waiting:
            path.unlink(missing_ok=True)
        return len(waiting)

    def _waiting(self, queue: str) -> list[Path]:
        return list(Path(self.data_folder_in).glob(f"*.{queue}.msg"))


def _message(path: Path) -> dict[str, Any]:
    """What a file says, if it is a message; nothing is waited for, and nothing followed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_size > _MAX_BYTES:
            raise ValueError("not a plain file of a message's size")
        message = json.loads(file.read(_MAX_BYTES).decode("utf-8"))
    if not isinstance(message, dict) or not all(isinstance(message.get(name), dict) for name in _PARTS):
        raise ValueError("not a message")
    if not isinstance(message["properties"].get("delivery_tag"), str):
        raise ValueError("a message without a tag")
    # Celery looks into the body before it asks whether there is one.
    base64.b64decode(message.get("body") or "!", validate=True)
    return message


class Transport(filesystem.Transport):
    """kombu transport `chiasm.jobs.transport:Transport`."""

    Channel = Channel
