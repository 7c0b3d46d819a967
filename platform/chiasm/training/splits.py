"""Who trains and who judges: a hash decides, for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

__all__ = ["SHARES", "split_of", "split_together"]

#: Share of each held-out split; the rest trains.
SHARES: Mapping[str, float] = {"test": 0.04, "valid": 0.04}


def split_of(workspace: str, name: str, shares: Mapping[str, float] = SHARES) -> str:
    """The split of an item: "train", "valid" or "test".

    Depends on nothing but its arguments, so an item never changes sides when others come or go.

    Args:
        workspace: Name of the workspace.
        name: Key of an entity, SHA-256 of an asset's content, or the three keys of a triple. Equal contents
            have equal names and so always stand on one side.
        shares: Held-out split to its share.
    """
    digest = hashlib.sha256(f"{workspace}\x00{name}".encode()).digest()
    point = int.from_bytes(digest[:8], "big") / 2**64
    for split in sorted(shares):
        if point < shares[split]:
            return split
        point -= shares[split]
    return "train"


def split_together(
    workspace: str, groups: Iterable[Iterable[str]], shares: Mapping[str, float] = SHARES
) -> dict[str, str]:
    """Splits of items of which some are near-duplicates: each group goes where its smallest name goes.

    Args:
        workspace: Name of the workspace.
        groups: Names that belong together; groups that share a name count as one.
        shares: Held-out split to its share.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for group in groups:
        names = [root(name) for name in group]
        for name in names:
            parent[root(name)] = root(min(names))
    # Roots are merged towards the smaller name, so a group's root is its smallest.
    return {name: split_of(workspace, root(name), shares) for name in parent}
