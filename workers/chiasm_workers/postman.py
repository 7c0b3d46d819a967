"""Sending notices, in a thread of its own: a server that takes ten seconds to answer delays no schedule."""

from __future__ import annotations

import logging
import threading

from chiasm.catalog import Catalog
from chiasm.errors import ChiasmError
from chiasm.releases.notify import deliver_due
from chiasm.releases.notify.delivering import channels_of
from chiasm.settings import Settings

__all__ = ["Postman"]

_log = logging.getLogger(__name__)
_EVERY_S = 2.0


class Postman:
    """Looks every few seconds whether there is anything to send; does nothing where nobody wants to be told.

    Args:
        settings: The home.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        if channels_of(self._settings):
            self._thread = threading.Thread(target=self._run, name="postman", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End; waits for the message at hand."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        catalog = Catalog.open(self._settings)
        try:
            while not self._stop.wait(_EVERY_S):
                try:
                    deliver_due(self._settings, catalog)
                except ChiasmError as error:
                    _log.error("the catalog cannot be used: %s", error)
        finally:
            catalog.close()
