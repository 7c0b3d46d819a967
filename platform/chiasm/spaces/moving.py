"""Moving the search of a home's large segments to another back end, and back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Space
from chiasm.config_file import store_setting
from chiasm.errors import UnavailableError
from chiasm.settings import Settings
from chiasm.spaces.milvus import MilvusStore, Mirror
from chiasm.spaces.reader import SpaceReader
from chiasm.spaces_url import SpacesUrl

__all__ = ["Moved", "move"]

_log = logging.getLogger(__name__)


class Moved(NamedTuple):
    """What a move did."""

    #: URL of the new back end.
    to: str
    #: Segments copied to it; those that it held already are not counted.
    copied: int
    #: Collections dropped at the old one; None where that was away and they were left.
    dropped: int | None


def move(
    settings: Settings,
    catalog: Catalog,
    to: SpacesUrl,
    *,
    keep: bool = False,
    beat: Callable[[int, int], None] = lambda done, total: None,
) -> Moved:
    """Make another back end the one of a home: it is complete before `chiasm.toml` names it.

    The segments stay where they are, so going back to FAISS copies nothing, and a move that was interrupted is
    simply called again.

    Args:
        settings: Of the home, with the present back end and the token of both.
        catalog: Of the home.
        to: The new back end.
        keep: Whether collections are left at the old one.
        beat: Called with rows copied and rows to copy.

    Raises:
        UnavailableError: The new back end does not answer; nothing has changed.
        DamagedError: A segment is damaged.
    """
    copied = _copied(settings, catalog, to, beat) if to.kind == "milvus" else _checked(settings, catalog)
    store_setting(settings.home, "spaces_url", to.text)
    old = SpacesUrl.parse(settings.spaces_url)
    leave = keep or old == to or old.kind != "milvus"
    return Moved(to.text, copied, 0 if leave else _cleared(settings, catalog, old))


def _copied(settings: Settings, catalog: Catalog, to: SpacesUrl, beat: Callable[[int, int], None]) -> int:
    store = MilvusStore(settings, to)
    try:
        return Mirror(catalog, settings.spaces_dir, store).follow(beat).copied
    finally:
        store.close()


def _checked(settings: Settings, catalog: Catalog) -> int:
    """See that the segments can answer themselves; 0, as nothing is copied."""
    with catalog.read() as session:
        spaces = session.scalars(select(Space.id)).all()
    for space_id in spaces:
        SpaceReader(catalog, settings.spaces_dir, space_id)
    return 0


def _cleared(settings: Settings, catalog: Catalog, old: SpacesUrl) -> int | None:
    store = MilvusStore(settings, old)
    try:
        return Mirror(catalog, settings.spaces_dir, store).clear()
    except UnavailableError as error:
        _log.warning("collections are left behind", extra={"where": old.text, "error": str(error)})
        return None
    finally:
        store.close()
