"""Records and media that failed alone, as rows with what is needed to replay them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from chiasm.errors import ChiasmError

__all__ = ["FailedPart"]


class FailedPart(NamedTuple):
    """Something that failed alone."""

    error: ChiasmError
    where: str | None = None
    key: str | None = None
    #: Unit to add on retry.
    replay: Mapping[str, Any] | None = None
