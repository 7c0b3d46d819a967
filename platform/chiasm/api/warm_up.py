"""Everything loaded and run once before the service says that it is ready."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import select

from chiasm.catalog.models import Entity, Workspace
from chiasm.client.embedded import OpenHome
from chiasm.errors import ChiasmError

if TYPE_CHECKING:
    from chiasm.search import Part

__all__ = ["WarmUp"]

#: Workspaces that are opened beforehand.
_MAX_WORKSPACES = 8
_SIDE = 64
_SAMPLE_RATE_HZ = 16_000
_log = logging.getLogger(__name__)


class WarmUp:
    """Opens the spaces, loads the models and asks one query of each modality, on a thread of its own.

    What cannot be loaded is logged and named, and does not keep the rest from being served: a search for it says
    by itself what is wrong.
    """

    def __init__(self, home: OpenHome) -> None:
        self._home = home
        self._done = threading.Event()
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="warm-up", daemon=True)
        #: What failed.
        self.problems: list[str] = []

    @property
    def done(self) -> bool:
        """Whether all was tried."""
        return self._done.is_set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Wait for what is being loaded; begin nothing more."""
        self._stop = True
        self._thread.join()

    def _run(self) -> None:
        began = time.monotonic()
        try:
            for workspace_id in self._workspaces():
                self._workspace(workspace_id)
        except Exception as error:  # noqa: BLE001 - a thread has nobody to raise to
            self._failed("the catalog", error)
        finally:
            self._done.set()
            _log.info("warm", extra={"seconds": time.monotonic() - began, "problems": self.problems})

    def _workspaces(self) -> list[int]:
        with self._home.catalog.read() as session:
            held = select(Entity.id).where(Entity.workspace_id == Workspace.id).exists()
            found = select(Workspace.id).where(held).order_by(Workspace.id).limit(_MAX_WORKSPACES)
            return list(session.scalars(found))

    def _workspace(self, workspace_id: int) -> None:
        from chiasm.search import Query

        searcher = self._home.searcher()
        try:
            searcher.warm(workspace_id)
        except Exception as error:  # noqa: BLE001
            self._failed(f"workspace {workspace_id}", error)
        for part in self._parts(workspace_id):
            if self._stop:
                return
            try:
                searcher.search(workspace_id, Query([part], k=1))
            except Exception as error:  # noqa: BLE001
                self._failed(part.kind, error)

    def _parts(self, workspace_id: int) -> Iterator[Part]:
        import numpy as np

        from chiasm.search import Part
        from chiasm_encoders import Waveform

        with self._home.catalog.read() as session:
            key = session.scalar(
                select(Entity.key)
                .where(Entity.workspace_id == workspace_id, Entity.deleted_at.is_(None))
                .order_by(Entity.id)
                .limit(1)
            )
        if key is not None:
            yield Part("entity", key)
        yield Part("text", "warm")
        yield Part("image", np.zeros((_SIDE, _SIDE, 3), dtype=np.uint8))
        yield Part("audio", Waveform(np.zeros(_SAMPLE_RATE_HZ, dtype=np.float32), _SAMPLE_RATE_HZ))

    def _failed(self, what: str, error: Exception) -> None:
        _log.error("cannot be warmed up", exc_info=error, extra={"what": what})
        # Paths of the machine stay in the log.
        said = error.what if isinstance(error, ChiasmError) else "it failed by itself"
        self.problems.append(f"{what}: {said}")
