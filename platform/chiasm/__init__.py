"""One searchable space for linked text, images and sound.

`chiasm.open(home)` works in this process on a home's own files; `chiasm.connect(url)` speaks to a service.
Both return a `chiasm.client.KnowledgeBase`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiasm.errors import ChiasmError
from chiasm.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from chiasm.client import KnowledgeBase

__all__ = ["ChiasmError", "__version__", "connect", "open"]


def open(home: str | Path | None = None, *, workspace: str | None = None) -> KnowledgeBase:  # noqa: A001
    """The knowledge base of a home, which is made (or its schema upgraded) if need be.

    Args:
        home: Folder; default `CHIASM_HOME`, then `./chiasm-home`.
        workspace: Tenant to work in; default the setting `workspace`.

    Raises:
        ChiasmError: The settings or the catalog cannot be used.
    """
    from chiasm.client import open_embedded

    return open_embedded(home, workspace=workspace)


def connect(url: str, *, api_key: str | None = None, timeout_s: float = 60.0) -> KnowledgeBase:
    """The knowledge base behind a Chiasm service.

    Args:
        url: Where `chiasm serve` listens, as in `http://127.0.0.1:8000`.
        api_key: Key made by `chiasm keys create`; not needed on the loopback of a local home.
        timeout_s: Seconds that one request may take.

    Raises:
        ChiasmError: Nothing answers there, or it refuses the key.
    """
    from chiasm.client import open_remote

    return open_remote(url, api_key=api_key, timeout_s=timeout_s)
