"""Which queries a release on trial is asked."""

from __future__ import annotations

import hashlib
from typing import Any

from chiasm.search import Query
from chiasm.search.state import Trial

__all__ = ["arm_of"]


def arm_of(query: Query, trial: Trial) -> bool:
    """Whether the release on trial is asked: always the same for the same query, on whatever page of its answer."""
    said = {name: value for name, value in query.to_dict().items() if name not in ("k",)}
    parts = [(part.kind, part.weight, _content(part.value)) for part in query.parts]
    digest = hashlib.sha256(repr((trial.id, said, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < trial.share


def _content(value: Any) -> str:
    if isinstance(value, str):
        return value
    array = getattr(value, "samples", value)
    data = array.tobytes() if hasattr(array, "tobytes") else repr(array).encode()
    return hashlib.sha256(data).hexdigest()
