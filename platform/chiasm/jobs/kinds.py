"""What is known of each kind of unit: its lane, what may be halved, and what a dead one means."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["QUEUES", "UnitKind", "register_kind", "unit_kind"]

#: The lanes of a worker, one runner process each.
QUEUES = ("ingest", "train")


@dataclass(frozen=True)
class UnitKind:
    """How units of one kind are treated unless their maker says otherwise."""

    queue: str = "ingest"
    #: Name of the payload's list that may be halved to corner a record that kills workers.
    split_on: str | None = None
    #: Whether one dead unit of this kind fails the whole job.
    essential: bool = False


_KINDS = {
    "read": UnitKind(),
    "embed": UnitKind(split_on="asset_ids"),
    "fuse": UnitKind(split_on="entity_ids"),
    "train": UnitKind(queue="train", essential=True),
    "build": UnitKind(queue="train", essential=True),
    "evaluate": UnitKind(queue="train", essential=True),
}


def register_kind(name: str, kind: UnitKind) -> None:
    """Make a kind known, or replace what is known of it."""
    _KINDS[name] = kind


def unit_kind(name: str) -> UnitKind:
    """What is known of a kind; a kind nobody registered is an ordinary one of the ingest lane."""
    return _KINDS.get(name, UnitKind())
