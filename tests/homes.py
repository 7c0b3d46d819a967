"""Homes that are filled row by row: what is tested is reading, not ingest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chiasm.client.embedded import OpenHome, init_home
from chiasm.settings import load_settings

__all__ = ["opened_home"]


@contextmanager
def opened_home(folder: Path, fill: Callable[[OpenHome], None], **settings: Any) -> Iterator[OpenHome]:
    """A new home below a folder, filled, and closed in the end."""
    chosen = load_settings(folder / "home", **settings)
    init_home(chosen)
    opened = OpenHome(chosen)
    fill(opened)
    yield opened
    opened.close()
