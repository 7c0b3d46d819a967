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
from chiasm.fusion.checkpoints import read_json
from chiasm.fusion.manifest import RELEASE_FILE, read_manifest, write_manifest
from chiasm.releases.forget.marks import key_hash
from chiasm.settings import Settings
from chiasm_encoders.durable import write_whole

__all__ = ["clear_releases"]

#: Copies for training, building and judging; all can be made again.
_SCRATCH = ("snapshot", "features", "evaluation")
#: Keys of the words that a release has seen, and of entities that are classes of a relation.
_KEYS = ("fusion/words.json", "labels/classes.json")


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
    """How many keys were taken out of a release's lists of named nodes and of classes."""
    if not (folder / RELEASE_FILE).is_file():
        return 0
    blanked = 0
    for name in _KEYS:
        if (folder / name).is_file():
            content, count = _without(read_json(folder / name), key_hashes)
            blanked += count
            if count:
                _write_again(folder, name, _as_written(content))
    return blanked


def _without(value: Any, key_hashes: Collection[str]) -> tuple[Any, int]:
    """A JSON value with every text that is a forgotten key left empty, and how many were."""
    if isinstance(value, dict):
        parts = {name: _without(one, key_hashes) for name, one in value.items()}
        return {name: one for name, (one, _) in parts.items()}, sum(n for _, n in parts.values())
    if isinstance(value, list):
        found = [_without(one, key_hashes) for one in value]
        return [one for one, _ in found], sum(n for _, n in found)
    gone = isinstance(value, str) and key_hash(value) in key_hashes
    return ("", 1) if gone else (value, 0)


def _write_again(folder: Path, name: str, text: bytes) -> None:
    # A damaged release stays one, without the keys.
    with suppress(DamagedError):
        about = read_manifest(folder)
        if name in about["files"]:
            # The checksum first: cut off between the two, the next try writes the same bytes again.
            about["files"][name] = hashlib.sha256(text).hexdigest()
            write_manifest(folder, about)
    write_whole(folder / name, text)


def _as_written(value: Any) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode()
