"""The commands, one file a group; importing them imports nothing heavy."""

from __future__ import annotations

import typer

from chiasm.cli.commands import (
    archive,
    ask,
    classify,
    database,
    delete,
    distill,
    doctor,
    duplicates,
    evaluate,
    feedback,
    forget,
    graph,
    ingest,
    initialise,
    jobs,
    keys,
    notices,
    processes,
    recommend,
    releases,
    schedule,
    search,
    spaces,
    train,
    workers,
)

__all__ = ["register"]

#: In the order of a first day.
_GROUPS = (
    initialise,
    ingest,
    delete,
    forget,
    duplicates,
    train,
    distill,
    evaluate,
    search,
    recommend,
    feedback,
    ask,
    classify,
    graph,
    releases,
    jobs,
    schedule,
    notices,
    processes,
    workers,
    keys,
    database,
    spaces,
    archive,
    doctor,
)


def register(app: typer.Typer) -> None:
    """Add every command to the application."""
    for group in _GROUPS:
        group.register(app)
