"""The embedded broker: kombu's filesystem transport, made safe against processes that are killed.

kombu writes a message in place, so that a reader may see half of it, and moves what it took to a folder where
a killed reader leaves it. Here a message appears complete or not at all, is taken by one reader, and a file
that cannot be read is dropped: a message is a hint, the work itself is in SQL.
"""

from __future__ import annotations

import json
import logging
import os
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem

__all__ = ["Channel", "Transport"]

_log = logging.getLogger(__name__)


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
                text = taken.read_text(encoding="utf-8")
                taken.unlink()
                return json.loads(text)
            except FileNotFoundError:
                # Another reader was faster.
                continue
            except (OSError, ValueError) as error:
                _log.warning("dropped a wake-up", extra={"file": path.name, "error": str(error)})
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


class Transport(filesystem.Transport):
    """kombu transport `chiasm.jobs.transport:Transport`."""

    Channel = Channel
