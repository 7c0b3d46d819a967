"""What is known of each kind of unit: its lane, what may be halved, and what a dead one means."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["QUEUES", "UnitKind", "kinds_in_order", "register_kind", "unit_kind"]

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
    #: Whether units of a workspace begin in the order in which they were asked for, one at a time, all such kinds
    #: together: of two words about one key the later one must win, also if a worker dies over the first.
    in_order: bool = False


_KINDS = {
    "read": UnitKind(in_order=True),
    "embed": UnitKind(split_on="asset_ids"),
    "fuse": UnitKind(split_on="entity_ids"),
    "refresh": UnitKind(split_on="entity_ids"),
    "fingerprint": UnitKind(split_on="contents"),
    "compare": UnitKind(essential=True),
    # A domain is emptied before what was accepted after that is read, and after what was accepted before.
    "clear": UnitKind(essential=True, in_order=True),
    "forget": UnitKind(essential=True),
    "train": UnitKind(queue="train", essential=True),
    "build": UnitKind(queue="train", essential=True),
    "follow": UnitKind(),
    "evaluate": UnitKind(queue="train", essential=True),
    "distill": UnitKind(queue="train", essential=True),
}


def register_kind(name: str, kind: UnitKind) -> None:
    """Make a kind known, or replace what is known of it."""
    _KINDS[name] = kind


def unit_kind(name: str) -> UnitKind:
    """What is known of a kind; a kind nobody registered is an ordinary one of the ingest lane."""
    return _KINDS.get(name, UnitKind())


def kinds_in_order() -> list[str]:
    """Kinds whose units begin one at a time."""
    return sorted(name for name, kind in _KINDS.items() if kind.in_order)
