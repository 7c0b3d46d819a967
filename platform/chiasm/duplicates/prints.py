"""Fingerprints of pictures and sounds: made once for a content, kept in SQL."""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Asset, Fingerprint
from chiasm.duplicates.signals import pictures, sounds
from chiasm.errors import ChiasmError, DamagedError, NotFoundError

if TYPE_CHECKING:
    from chiasm.jobs import WorkContext

__all__ = ["BATCH", "KINDS", "collect_prints", "make_prints", "missing_prints", "read_prints", "store_prints"]

KINDS = {"image": pictures.KIND, "audio": sounds.KIND}
#: Media decoded at a time.
BATCH = 32
#: The hash sees 32 pixels a side; from 256 on nothing is gained.
_MAX_SIDE = 256
_PER_STATEMENT = 10_000


def missing_prints(
    session: Session, workspace_id: int, modality: str, contents: Collection[str]
) -> list[str]:
    """Contents that have no fingerprint yet."""
    known: set[str] = set()
    listed = sorted(contents)
    for start in range(0, len(listed), _PER_STATEMENT):
        some = listed[start : start + _PER_STATEMENT]
        known.update(session.scalars(_mine(workspace_id, modality, Fingerprint.sha256, some)))
    return [sha256 for sha256 in listed if sha256 not in known]


def read_prints(
    session: Session, workspace_id: int, modality: str, contents: Collection[str]
) -> dict[str, bytes]:
    """Content to fingerprint; those that have nothing to be known by are left out."""
    found: dict[str, bytes] = {}
    listed = sorted(contents)
    for start in range(0, len(listed), _PER_STATEMENT):
        some = listed[start : start + _PER_STATEMENT]
        rows = session.execute(_mine(workspace_id, modality, (Fingerprint.sha256, Fingerprint.value), some))
        found.update((sha256, base64.b64decode(value)) for sha256, value in rows if value)
    return found


def make_prints(ctx: WorkContext, modality: str, contents: Sequence[str]) -> dict[str, bytes]:
    """Content to fingerprint, empty where there is nothing to tell by; what cannot be read is left out.

    Media are decoded by the limited child.
    """
    there: dict[str, bytes] = {}
    for sha256 in contents:
        try:
            there[sha256] = ctx.blobs.get(sha256)
        except (NotFoundError, DamagedError):
            # `chiasm doctor` says so; another search may find it again.
            continue
    if modality == "image":
        decoded: Sequence[Any] = ctx.decoder.decode_images(list(there.values()), max_side=_MAX_SIDE)
    else:
        decoded = ctx.decoder.decode_audios(list(there.values()))
    return {
        sha256: b"" if isinstance(item, ChiasmError) else _print(modality, item)
        for sha256, item in zip(there, decoded, strict=True)
    }


def store_prints(session: Session, workspace_id: int, modality: str, prints: dict[str, bytes]) -> None:
    """Keep fingerprints; somebody else may have made the same at this moment."""
    rows = [
        {
            "workspace_id": workspace_id,
            "sha256": sha256,
            "kind": KINDS[modality],
            "value": base64.b64encode(value).decode("ascii"),
        }
        for sha256, value in sorted(prints.items())
    ]
    if rows:
        dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        session.execute(dialect.insert(Fingerprint).on_conflict_do_nothing(), rows)


def collect_prints(catalog: Catalog, workspace_id: int) -> int:
    """How many fingerprints were removed: of contents that no asset has, and of older computations."""
    named = select(Asset.id).where(
        Asset.sha256 == Fingerprint.sha256,
        Asset.workspace_id == Fingerprint.workspace_id,
        # As a literal, so that the index of what lies in blobs is known to fit.
        Asset.modality != literal_column("'text'"),
    )
    useless = ~named.exists() | Fingerprint.kind.not_in(KINDS.values())
    chosen = select(Fingerprint.sha256).where(Fingerprint.workspace_id == workspace_id, useless)
    with catalog.read() as session:
        listed = sorted(set(session.scalars(chosen)))
    for start in range(0, len(listed), 1000):
        with catalog.write() as session:
            gone = Fingerprint.sha256.in_(listed[start : start + 1000])
            session.execute(
                delete(Fingerprint).where(Fingerprint.workspace_id == workspace_id, useless, gone),
                execution_options={"synchronize_session": False},
            )
    return len(listed)


def _print(modality: str, item: Any) -> bytes:
    if modality == "image":
        picture = pictures.picture_of(item)
        return b"" if picture is None else picture.to_bytes()
    return sounds.frames_of(item.samples, item.sample_rate_hz).tobytes()


def _mine(workspace_id: int, modality: str, columns: Any, contents: Sequence[str]) -> Any:
    chosen = select(*columns) if isinstance(columns, tuple) else select(columns)
    return chosen.where(
        Fingerprint.workspace_id == workspace_id,
        Fingerprint.kind == KINDS[modality],
        Fingerprint.sha256.in_(contents),
    )
