"""One workspace of an open home: what every operation needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiasm.client.embedded.home import OpenHome

if TYPE_CHECKING:
    from chiasm.media import Decoder

__all__ = ["Tenant"]


class Tenant:
    """A home, and whose data in it.

    Args:
        home: Shared by all backends of a process.
        workspace_id: Tenant; default the setting `workspace`.
    """

    def __init__(self, home: OpenHome, *, workspace_id: int | None = None) -> None:
        self.home = home
        self._workspace_id = workspace_id

    @property
    def workspace_id(self) -> int:
        """Tenant that everything happens in."""
        if self._workspace_id is None:
            self._workspace_id = self.home.catalog.workspace_id(self.home.settings.workspace)
        return self._workspace_id

    def _decoder(self) -> Decoder | None:
        """Who decodes media; None decodes here."""
        return None

    def _woken(self, job_id: int | None) -> None:
        from chiasm import jobs

        if job_id is not None:
            jobs.wake(self.home.settings)
