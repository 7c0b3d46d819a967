"""Files of releases against the checksums in their release.json."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from sqlalchemy import select

from chiasm.catalog.models import Release
from chiasm.errors import ChiasmError
from chiasm.fusion.manifest import read_manifest
from chiasm.upkeep.findings import Finding
from chiasm.upkeep.site import Site

__all__ = ["look", "wrong_files"]

_REMEDY = "restore the folder from a backup, roll back to another release, or train again"


def look(site: Site) -> Iterator[Finding]:
    """Every release that answers, or may be promoted or gone back to."""
    with site.catalog.read() as session:
        kept = select(Release).where(Release.state.in_(("active", "candidate", "retired")))
        releases = session.scalars(kept.order_by(Release.id)).all()
    files = damaged = 0
    for release in releases:
        folder = site.settings.models_dir / release.folder
        try:
            sums = read_manifest(folder)["files"]
        except ChiasmError as error:
            damaged += 1
            yield Finding(
                "problem", f"{release.name}: {error.where}: {error.what}", error.remedy or _REMEDY, 1
            )
            continue
        files += len(sums)
        wrong = wrong_files(folder, sums)
        damaged += len(wrong)
        if wrong:
            names = ", ".join(wrong[:5])
            what = f"{release.name}: {len(wrong)} files are missing or differ from their checksums: {names}"
            yield Finding("problem", what, _REMEDY, len(wrong))
    if not damaged:
        yield Finding("ok", f"{len(releases)} releases, {files} files match their checksums")


def wrong_files(folder: Path, sums: Mapping[str, str]) -> list[str]:
    """Files of a release that are missing or differ from what its manifest says."""
    return sorted(name for name, digest in sums.items() if _sha256(folder / name) != digest)


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
