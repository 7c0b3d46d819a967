"""The full-text index against the texts that it is made of."""

from __future__ import annotations

from collections.abc import Iterator

from chiasm.catalog.full_text import index_damage, rebuild_index
from chiasm.upkeep.findings import REPAIR, Finding
from chiasm.upkeep.site import Site

__all__ = ["look"]


def look(site: Site) -> Iterator[Finding]:
    """Whether each text is in the index, nothing else is, and the index is whole."""
    damage = index_damage(site.catalog)
    if damage is None:
        yield Finding("ok", "the full-text index holds every text")
    else:
        yield Finding("problem", damage, REPAIR, mend=lambda: _rebuild(site))


def _rebuild(site: Site) -> str:
    rebuild_index(site.catalog)
    return "made the full-text index anew"
