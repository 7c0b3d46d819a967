"""Pictures and sounds: each asset's blob is there, as long as it was, and (sampled, or all) as it was."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from sqlalchemy import select, update

from chiasm.catalog.aliases import is_named
from chiasm.catalog.models import Asset, Entity
from chiasm.errors import DamagedError, NotFoundError
from chiasm.upkeep.findings import Finding
from chiasm.upkeep.requeue import batches
from chiasm.upkeep.site import Site

__all__ = ["look"]

#: Blobs that are read whole where not all are.
_SAMPLE = 256
_PAGE = 10_000
_SOURCE = "ingest their source again, or restore them from a backup"


class _Medium(NamedTuple):
    asset_id: int
    entity_id: int
    sha256: str
    size_bytes: int


def look(site: Site) -> Iterator[Finding]:
    """Missing and damaged blobs."""
    sizes = {blob.address: blob.size_bytes for blob in site.home.blobs.stored()}
    total = sum(1 for _ in _media(site))
    step = 1 if site.full else max(1, total // _SAMPLE)
    missing: list[_Medium] = []
    damaged: list[_Medium] = []
    read = 0
    for number, one in enumerate(_media(site)):
        if one.sha256 not in sizes:
            missing.append(one)
        elif sizes[one.sha256] != one.size_bytes:
            damaged.append(one)
        elif number % step == 0:
            read += 1
            if not _sound(site, one):
                damaged.append(one)
    for found, what in ((missing, "are missing"), (damaged, "differ from their checksums")):
        if found:
            first = f"{len(found)} blobs {what}, the first is {found[0].sha256[:16]}"
            yield Finding("problem", first, _SOURCE, len(found), mend=partial(_prepare, site, found))
    if not missing and not damaged:
        yield Finding("ok", f"{total} are there, {read} of them read and equal to their checksums")


def _media(site: Site) -> Iterator[_Medium]:
    after = 0
    columns = (Asset.id, Asset.entity_id, Asset.sha256, Asset.size_bytes)
    while True:
        with site.catalog.read() as session:
            page = select(*columns).where(Asset.value.is_(None), Asset.modality != "text", Asset.id > after)
            rows = session.execute(page.order_by(Asset.id).limit(_PAGE)).all()
        if not rows:
            return
        after = rows[-1].id
        yield from (_Medium(*row) for row in rows)


def _sound(site: Site, one: _Medium) -> bool:
    try:
        site.home.blobs.get(one.sha256)
    except DamagedError:
        return False
    except NotFoundError:
        # Deleted since the blobs were listed, with its asset.
        with site.catalog.read() as session:
            return not is_named(session, one.sha256)
    return True


def _prepare(site: Site, found: list[_Medium]) -> str:
    """Nobody but the user has the content: put what is damaged aside, and take the records as unread."""
    aside = sum(site.home.blobs.set_aside(address) for address in {one.sha256 for one in found})
    for some in batches({one.entity_id for one in found}):
        with site.catalog.write() as session:
            session.execute(update(Entity).where(Entity.id.in_(some)).values(record_hash=None))
    said = f"put {aside} damaged files aside; " if aside else ""
    return f"{said}the next ingest of their source writes them again"
