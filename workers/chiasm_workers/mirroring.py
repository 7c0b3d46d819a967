"""Keeping Milvus like the spaces, beside the work of a lane."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from chiasm.catalog import Catalog
from chiasm.errors import ChiasmError
from chiasm.settings import Settings
from chiasm.spaces_url import SpacesUrl

if TYPE_CHECKING:
    from chiasm.spaces.milvus import Mirror

__all__ = ["Mirroring"]

_log = logging.getLogger(__name__)
#: Looked for at most so often.
_EVERY_S = 30.0
#: Work that comes meanwhile waits no longer than this.
_POLL_S = 0.1


class Mirroring:
    """Copies in a thread of its own, as a large segment takes minutes and work must not wait for it.

    Nothing is lost where the process ends before the copy: it is made again.
    """

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._settings = settings
        self._catalog = catalog
        self._wanted = SpacesUrl.parse(settings.spaces_url).kind == "milvus"
        self._next = time.monotonic() + _EVERY_S
        self._thread: threading.Thread | None = None
        self._mirror: Mirror | None = None

    def idle(self) -> int:
        """1 while it copies, so that its process does not end; otherwise 0."""
        if not self._wanted:
            return 0
        if self._thread is None and time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY_S
            self._thread = threading.Thread(target=self._follow, name="mirror", daemon=True)
            self._thread.start()
        if self._thread is None:
            return 0
        self._thread.join(_POLL_S)
        if not self._thread.is_alive():
            self._thread = None
            return 0
        return 1

    def _follow(self) -> None:
        from chiasm.spaces.milvus import MilvusStore, Mirror, mirroring_alone

        with mirroring_alone(self._settings.spaces_dir) as alone:
            if not alone:
                return
            if self._mirror is None:
                self._mirror = Mirror(self._catalog, self._settings.spaces_dir, MilvusStore(self._settings))
            try:
                self._mirror.follow()
            except ChiasmError as error:
                _log.warning("Milvus does not follow the spaces: %s", error)
            finally:
                # milvus-lite's file is for whoever searches.
                self._mirror.rest()
