"""`release.json`: what a release's folder holds, with a seal over itself; read without torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chiasm.errors import DamagedError, NotFoundError

__all__ = ["RELEASE_FILE", "read_manifest", "write_manifest"]

RELEASE_FILE = "release.json"
_SEAL = "sha256"
_REMEDY = "restore it from a backup, roll back to another release or train again"


def write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    """Write a release's manifest, whole or not at all."""
    from chiasm.fusion.checkpoints import write_json

    # Through JSON and back: what is sealed is what is read.
    plain = json.loads(json.dumps(content))
    write_json(folder / RELEASE_FILE, {**plain, _SEAL: _seal(plain)})


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a release's folder.

    Raises:
        NotFoundError: There is none.
        DamagedError: It cannot be read, differs from its seal, or names files outside the folder.
    """
    path = folder / RELEASE_FILE
    try:
        content = json.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        raise NotFoundError("file is missing", where=str(path), remedy=_REMEDY) from None
    except ValueError as error:
        raise DamagedError(f"cannot be read: {error}"[:200], where=str(path), remedy=_REMEDY) from error
    files = content.get("files") if isinstance(content, dict) else None
    if not isinstance(files, dict):
        raise DamagedError("names no files", where=str(path), remedy=_REMEDY)
    # Manifests written before there were seals have none.
    if content.get(_SEAL, sealed := _seal({k: v for k, v in content.items() if k != _SEAL})) != sealed:
        raise DamagedError("file differs from its checksum", where=str(path), remedy=_REMEDY)
    for name in files:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise DamagedError(f"names {name!r}, which is outside", where=str(path), remedy=_REMEDY)
    return content


def _seal(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
