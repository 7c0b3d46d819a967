"""Blobs that no asset names any more."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from sqlalchemy import select

from chiasm.catalog.aliases import is_named, kept_content
from chiasm.catalog.models import Asset
from chiasm.upkeep.findings import REPAIR, Finding
from chiasm.upkeep.site import Site

__all__ = ["look"]

_UPLOADED = re.compile(rb"upload:([0-9a-f]{64})")


def look(site: Site) -> Iterator[Finding]:
    """Those that are old enough: a younger one may belong to an ingest whose rows are not yet written."""
    blobs = site.home.blobs
    old = time.time() - site.grace_s
    stored = {blob.address for blob in blobs.stored() if blob.modified_at <= old}
    # After the blobs: what is named since then is among them.
    with site.catalog.read() as session:
        named = set(session.scalars(select(Asset.sha256).where(Asset.modality != "text").distinct()))
        named |= kept_content(session)
    unused = sorted(stored - named - _spooled(site))
    if not unused:
        yield Finding("ok", "every old blob is named by an asset")
    elif not named:
        what = f"the catalog names none of the {len(stored)} blobs: is it the catalog of this home?"
        yield Finding("warning", what, "check CHIASM_DATABASE_URL and CHIASM_BLOB_URL", len(unused))
    elif not blobs.is_local:
        what = f"{len(unused)} blobs are named by no asset"
        yield Finding("warning", what, "an object store's blobs are left to you", len(unused))
    else:
        what = f"{len(unused)} blobs are named by no asset"
        yield Finding("warning", what, REPAIR, len(unused), mend=lambda: _remove(site, unused))


def _spooled(site: Site) -> set[str]:
    """Media of records that were handed over and are not read yet, or may be replayed."""
    found: set[str] = set()
    for spool in (site.settings.home / "uploads").glob("*.jsonl"):
        try:
            with spool.open("rb") as lines:
                for line in lines:
                    found.update(match.decode() for match in _UPLOADED.findall(line))
        except FileNotFoundError:
            # Read to its end, and removed, at this moment.
            continue
    return found


def _remove(site: Site, addresses: list[str]) -> str:
    removed = 0
    for address in addresses:
        with site.catalog.read() as session:
            used = is_named(session, address)
        # Put again meanwhile, it is young: its asset's row is about to be written.
        if not used and site.home.blobs.delete_older(address, time.time() - site.grace_s):
            removed += 1
    return f"removed {removed} blobs"
