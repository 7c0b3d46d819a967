"""Distillation over HTTP."""

from __future__ import annotations

from typing import Any

from chiasm.client.remote.wire import Wire

__all__ = ["Distilled"]


class Distilled:
    """The part of the backend that asks a service for small encoders."""

    _wire: Wire

    def distill(self, **asked: Any) -> int:
        """The id of a job that distills a student of a release's encoder; arguments as of the protocol."""
        return int(self._wire.post("/v1/distill", asked)["job"])
