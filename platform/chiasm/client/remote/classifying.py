"""Classification over HTTP."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from chiasm.client.parts import QueryPart
from chiasm.client.protocol import JsonDict
from chiasm.client.remote.wire import Wire

__all__ = ["Classified"]


class Classified:
    """The part of the backend that asks a service for labels."""

    _wire: Wire

    def classify(
        self,
        *,
        parts: Sequence[QueryPart],
        labels: Sequence[str],
        examples: Mapping[str, Sequence[str]],
        by: str | None,
    ) -> JsonDict:
        """The answer of `chiasm classify --json`."""
        body: dict[str, Any] = {"labels": list(labels), "examples": dict(examples), "by": by}
        for part in parts:
            value = (
                part.value if part.kind == "text" else base64.b64encode(part.media_bytes()).decode("ascii")
            )
            body.setdefault(part.kind, []).append(value)
        return self._wire.post("/v1/classify", body)
