"""Writing a bundle."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chiasm.archive.aside import aside
from chiasm.archive.tape import CHUNK_BYTES, TapeWriter
from chiasm.catalog import Catalog
from chiasm.catalog.models import Release
from chiasm.errors import ConflictError, UsageError
from chiasm.fusion.checkpoints import read_json
from chiasm.fusion.manifest import RELEASE_FILE, verify_files
from chiasm.releases.bundles.layout import CARD, FILES, FORMAT, HEADER, KIND, SIGNATURE, checked_file
from chiasm.releases.bundles.signing import signature_of
from chiasm.releases.store import find_release
from chiasm.settings import Settings
from chiasm.version import __version__

__all__ = ["export_release"]

_WHOLE = ("candidate", "active", "retired")


def export_release(
    settings: Settings, catalog: Catalog, workspace_id: int, name: str | None, file: Path
) -> dict[str, Any]:
    """Write a release as one signed file; `{"file", "release", "bytes", "files"}`.

    Args:
        settings: The home.
        catalog: Its catalog.
        workspace_id: Tenant.
        name: Release; None for the one that answers.
        file: Where to; a file of that name is replaced when the new one is whole.

    Raises:
        NotFoundError: There is no such release.
        ConflictError: It is not finished.
        DamagedError: A file of it does not match its checksum; no bundle is made of it.
        SettingsError: There is no key to sign with.
        UsageError: A folder has that name.
    """
    if file.is_dir():
        raise UsageError("a folder has this name", where=str(file), remedy="name a file, as in r7.chiasm")
    with catalog.read() as session:
        release = find_release(session, workspace_id, name)
    if release.state not in _WHOLE:
        raise ConflictError(f"it is {release.state}", where=release.name, remedy="export it when it is built")
    folder = settings.models_dir / release.folder
    manifest = verify_files(folder, "")
    names = sorted([RELEASE_FILE, *manifest["files"]])
    card = _card(release, manifest).encode()
    files = {name: _facts(folder / checked_file(name, release.name)) for name in names}
    predicates = list(read_json(folder / "fusion" / "config.json")["predicates"])
    header = _json(_header(release, manifest, predicates, files, card))
    signature = signature_of(settings, header)
    with aside(file, "bundle") as scratch:
        whole = scratch / "bundle"
        with whole.open("xb") as stream:
            tape = TapeWriter(stream)
            for member, data in ((HEADER, header), (SIGNATURE, signature), (CARD, card)):
                tape.add(member, len(data), [data])
            for each in names:
                path = folder / each
                tape.add(FILES + each, path.stat().st_size, _chunks(path))
            tape.end()
            stream.flush()
            os.fsync(stream.fileno())
        whole.replace(file)
    return {
        "file": str(file),
        "release": release.name,
        "bytes": file.stat().st_size,
        "files": len(names),
    }


def _header(
    release: Release,
    manifest: Mapping[str, Any],
    predicates: list[str],
    files: Mapping[str, Any],
    card: bytes,
) -> dict[str, Any]:
    return {
        "kind": KIND,
        "format": FORMAT,
        "chiasm": __version__,
        "created_at": time.time(),
        "release": {
            "name": release.name,
            "recipe": release.recipe,
            "seed": release.seed,
            "metrics": release.metrics,
        },
        "needs": {
            "encoders": {
                modality: {key: entry[key] for key in ("spec", "fingerprint", "dim")}
                for modality, entry in manifest["encoders"].items()
            },
            "predicates": predicates,
        },
        "card": {"bytes": len(card), "sha256": hashlib.sha256(card).hexdigest()},
        "files": files,
    }


def _facts(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(CHUNK_BYTES), b"")


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"


def _card(release: Release, manifest: Mapping[str, Any]) -> str:
    """The release in words, as model cards have it."""
    lines = [
        f"# Release {release.name}",
        "",
        f"Recipe `{release.recipe.get('name')}`, seed {release.seed}, Chiasm {__version__}.",
        f"Trained on revision {manifest['snapshot']['revision']} of workspace `{manifest['snapshot']['workspace']}`.",
        "",
        "| modality | encoder | dimension |",
        "|---|---|---|",
    ]
    lines += [
        f"| {modality} | {entry['spec'] or 'the default one'} | {entry['dim']} |"
        for modality, entry in sorted(manifest["encoders"].items())
    ]
    lines += ["", "| query | target | from | into | n | hit@10 |", "|---|---|---|---|---|---|"]
    for row in manifest.get("metrics", {}).get("retrieval", []):
        cells = [str(row.get(name)) for name in ("query", "target", "from", "into", "n", "hit@10")]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "It holds the keys of entities whose words it has seen, and none of their media.", ""]
    return "\n".join(lines)
