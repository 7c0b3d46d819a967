"""The Python facade: a knowledge base, its jobs and its hits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiasm.client.answers import Answers
from chiasm.client.collections import Jobs, Releases, Schedules
from chiasm.client.entity import Entity, Neighbour
from chiasm.client.errors import AccessDenied, ServiceError, WaitTimeout
from chiasm.client.graph import Graph
from chiasm.client.hits import Hit, Hits
from chiasm.client.job import Job, JobFailure, JobProgress
from chiasm.client.knowledge_base import KnowledgeBase

if TYPE_CHECKING:
    from pathlib import Path

    from chiasm.archive import Watch
    from chiasm.client.protocol import JsonDict

__all__ = [
    "AccessDenied",
    "Answers",
    "Entity",
    "Graph",
    "Hit",
    "Hits",
    "Job",
    "JobFailure",
    "JobProgress",
    "Jobs",
    "KnowledgeBase",
    "Neighbour",
    "Releases",
    "Schedules",
    "ServiceError",
    "WaitTimeout",
    "open_embedded",
    "open_remote",
    "restore_embedded",
]


def open_embedded(home: str | Path | None = None, *, workspace: str | None = None) -> KnowledgeBase:
    """The knowledge base of a home, which is made or upgraded if need be; see `chiasm.open`."""
    from chiasm.client.embedded import EmbeddedBackend, OpenHome, init_home
    from chiasm.settings import load_settings

    overrides = {"workspace": workspace} if workspace is not None else {}
    settings = load_settings(home, **overrides)
    init_home(settings)
    return KnowledgeBase(EmbeddedBackend(OpenHome(settings)))


def open_remote(url: str, *, api_key: str | None = None, timeout_s: float = 60.0) -> KnowledgeBase:
    """The knowledge base behind a service; see `chiasm.connect`."""
    from chiasm.client.remote import HttpBackend

    return KnowledgeBase(HttpBackend(url, api_key=api_key, timeout_s=timeout_s))


def restore_embedded(
    file: str | Path, home: str | Path | None = None, *, watch: Watch | None = None
) -> JsonDict:
    """What was restored from a backup (`kb.backup`) into a home that is empty or not there yet.

    Args:
        file: The backup.
        home: Folder; default `CHIASM_HOME`, then `./chiasm-home`. Its settings may name another database.
        watch: Told how far it is.

    Raises:
        ConflictError: The home or its database is not empty.
        DamagedError: The backup is not whole; nothing of it was taken over.
    """
    from pathlib import Path

    from chiasm.archive import restore, unwatched
    from chiasm.client.embedded import init_home
    from chiasm.settings import load_settings

    settings = load_settings(home)
    report = restore(Path(file), settings, watch=watch or unwatched)
    init_home(settings)
    return report.to_dict()
