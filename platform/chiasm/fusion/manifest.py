"""`release.json`: what a release's folder holds, with a seal over itself; read without torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chiasm.errors import DamagedError, NotFoundError
from chiasm.origins import GIVEN

__all__ = [
    "RELEASE_FILE",
    "SEAL",
    "read_manifest",
    "read_origins",
    "seal_of",
    "verify_files",
    "write_manifest",
]

RELEASE_FILE = "release.json"
#: Key of a file's own seal.
SEAL = "sha256"
#: Of a file in a release's folder; beyond, file systems refuse to look.
_NAME_LENGTH = 200
_REMEDY = "restore it from a backup, roll back to another release or train again"


def write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    """Write a release's manifest, whole or not at all."""
    from chiasm.fusion.checkpoints import write_json

    # Through JSON and back: what is sealed is what is read.
    plain = json.loads(json.dumps(content))
    write_json(folder / RELEASE_FILE, {**plain, SEAL: seal_of(plain)})


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
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"cannot be read: {error}"[:200], where=str(path), remedy=_REMEDY) from error
    files = content.get("files") if isinstance(content, dict) else None
    if not isinstance(files, dict):
        raise DamagedError("names no files", where=str(path), remedy=_REMEDY)
    if content.get(SEAL) != seal_of(content):
        raise DamagedError("file differs from its checksum", where=str(path), remedy=_REMEDY)
    for name in files:
        if Path(name).is_absolute() or ".." in Path(name).parts or len(name) > _NAME_LENGTH:
            raise DamagedError(f"names {name[:80]!r}, which is outside", where=str(path), remedy=_REMEDY)
    return content


def read_origins(folder: Path) -> tuple[str, ...]:
    """Where the statements come from that a release was trained on and that its graph tokens read.

    Raises:
        NotFoundError: There is no manifest.
        DamagedError: It is damaged.
    """
    # Releases of before that was a key of recipes read what users gave.
    graph = read_manifest(folder).get("recipe", {}).get("graph", {})
    return tuple(graph.get("origins", GIVEN))


def verify_files(folder: Path, *parts: str) -> dict[str, Any]:
    """The manifest of a release's folder, after its files below some parts were checked.

    Args:
        folder: The release's folder.
        parts: What the names begin with, as `fusion/`.

    Raises:
        NotFoundError: There is no manifest.
        DamagedError: It is damaged, or a file is missing or differs from its checksum.
    """
    content = read_manifest(folder)
    for name, digest in content["files"].items():
        if name.startswith(parts) and _sha256(folder / name) != digest:
            raise DamagedError(
                "file is missing or differs from its checksum", where=str(folder / name), remedy=_REMEDY
            )
    return content


def seal_of(content: Mapping[str, Any]) -> str:
    """SHA-256 over everything but the seal itself."""
    plain = {name: value for name, value in content.items() if name != SEAL}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
