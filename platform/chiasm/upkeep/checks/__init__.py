"""The checks: one file each, with a function `look` that yields what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module

from chiasm.upkeep.findings import Finding
from chiasm.upkeep.site import Site

__all__ = ["CHECKS", "load_check"]

#: In the order in which they look: what is dropped by an earlier one is found missing by a later one.
CHECKS = (
    "schema",
    "faiss",
    "rows",
    "work",
    "graph",
    "blobs",
    "unused_blobs",
    "ghosts",
    "full_text",
    "segments",
    "missing",
    "fused",
    "stale",
    "segment_files",
    "models",
    "leftovers",
    "recall",
)


def load_check(name: str) -> Callable[[Site], Iterator[Finding]]:
    """The function of a check."""
    look: Callable[[Site], Iterator[Finding]] = import_module(f"{__name__}.{name}").look
    return look
