"""What releases keep beside their weights: scratch copies of the catalogue, and keys."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import select

from chiasm.catalog import Catalog
from chiasm.catalog.models import Release, WorkUnit
from chiasm.errors import DamagedError
from chiasm.fusion.checkpoints import read_json, write_bytes
from chiasm.fusion.manifest import RELEASE_FILE, read_manifest, write_manifest
from chiasm.releases.forget.marks import key_hash
from chiasm.settings import Settings

__all__ = ["clear_releases"]

#: Copies for training, building and judging; all can be made again.
_SCRATCH = ("snapshot", "features", "evaluation")
#: Keys of the words that a release has seen.
_KEYS = "fusion/words.json"


def clear_releases(
    settings: Settings, catalog: Catalog, workspace_id: int, key_hashes: Collection[str]
) -> tuple[Counter[str], list[str]]:
    """How many scratch folders and keys went, and what had to stay.

    Args:
        settings: The home.
        catalog: Its catalog.
        workspace_id: Whose releases.
        key_hashes: SHA-256 of the keys that are forgotten.
    """
    counts: Counter[str] = Counter()
    remaining: list[str] = []
    with catalog.read() as session:
        rows = session.execute(
            select(Release.id, Release.number, Release.folder).where(Release.workspace_id == workspace_id)
        ).all()
        units = select(WorkUnit.payload).where(
            WorkUnit.workspace_id == workspace_id,
            WorkUnit.kind.in_(("train", "build", "evaluate")),
            WorkUnit.state == "leased",
        )
        used = {payload.get("release_id") for payload in session.scalars(units)}
    for release_id, number, name in rows:
        if not name:
            continue
        folder = settings.models_dir / name
        if release_id in used:
            remaining.append(
                f"release r{number} is being made from a copy of the catalogue, which goes when it is done; if "
                "it fails, `chiasm doctor --repair` removes the copy"
            )
            continue
        for scratch in _SCRATCH:
            if (folder / scratch).is_dir():
                shutil.rmtree(folder / scratch)
                counts["scratch_folders"] += 1
        counts["keys_in_releases"] += _blank_keys(folder, key_hashes)
    return counts, remaining


def _blank_keys(folder: Path, key_hashes: Collection[str]) -> int:
    """How many keys were taken out of a release's list of named nodes."""
    if not (folder / _KEYS).is_file() or not (folder / RELEASE_FILE).is_file():
        return 0
    keys = read_json(folder / _KEYS).get("keys", [])
    kept = ["" if key_hash(str(key)) in key_hashes else key for key in keys]
    count = sum(old != new for old, new in zip(keys, kept, strict=True))
    if not count:
        return 0
    text = _as_written({"keys": kept})
    # A damaged release stays one, without the keys.
    with suppress(DamagedError):
        about = read_manifest(folder)
        if _KEYS in about["files"]:
            # The checksum first: cut off between the two, the next try writes the same bytes again.
            about["files"][_KEYS] = hashlib.sha256(text).hexdigest()
            write_manifest(folder, about)
    write_bytes(folder / _KEYS, text)
    return count


def _as_written(value: Any) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode()
