"""Whether the catalog has the newest schema."""

from __future__ import annotations

from collections.abc import Iterator

from chiasm.upkeep.findings import Finding
from chiasm.upkeep.site import Site

__all__ = ["look"]


def look(site: Site) -> Iterator[Finding]:
    """The schema's revision."""
    from chiasm_migrations.upgrade import schema_status

    status = schema_status(site.catalog.engine)
    if status.up_to_date:
        yield Finding("ok", f"{status.current}, the newest")
    else:
        what = f"{status.current or 'none'}, the newest is {status.newest}"
        yield Finding("problem", what, "run `chiasm db upgrade`")
