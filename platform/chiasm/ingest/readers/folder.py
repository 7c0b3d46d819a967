"""A tree of media files: files of one name are one entity, sub-folders its category."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chiasm.errors import ManifestError
from chiasm.ingest.names import name_of_key
from chiasm.ingest.rows import Row

__all__ = ["MEDIA_SUFFIXES", "read_folder"]

_IMAGES = {".png", ".jpg", ".jpeg", ".jpe", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
_SOUNDS = {".wav", ".flac", ".ogg", ".oga", ".mp3", ".aif", ".aiff"}
_MODALITY = {**dict.fromkeys(_IMAGES, "image"), **dict.fromkeys(_SOUNDS, "audio"), ".txt": "text"}
#: Of files that make up a tree of media.
MEDIA_SUFFIXES = frozenset(_MODALITY)
_MAX_TEXT_BYTES = 1 << 20


def read_folder(path: Path, *, line: int = 0, offset: int = 0) -> Iterator[Row]:
    """Raw records: `cats/tom.jpg`, `cats/tom.wav` and `cats/tom.txt` are the entity `cats/tom`."""
    number = 0
    for folder, names, files in os.walk(path):
        # In a fixed order: an interrupted walk goes on where it was. Links to folders are not followed.
        names[:] = sorted(name for name in names if not name.startswith("."))
        for stem, parts in _by_stem(files):
            number += 1
            if number > line:
                inside = Path(folder).relative_to(path)
                yield Row(number, _record(path, inside, stem, parts), file=(inside / stem).as_posix())


def _by_stem(files: list[str]) -> Iterator[tuple[str, list[str]]]:
    stems: dict[str, list[str]] = defaultdict(list)
    for name in sorted(files):
        if not name.startswith(".") and Path(name).suffix.lower() in _MODALITY:
            stems[Path(name).stem].append(name)
    for stem, parts in stems.items():
        if any(Path(name).suffix.lower() != ".txt" for name in parts):
            yield stem, parts


def _record(root: Path, inside: Path, stem: str, parts: list[str]) -> dict[str, Any] | ManifestError:
    record: dict[str, Any] = {"key": (inside / stem).as_posix()}
    title = name_of_key(stem)
    if title:
        record["title"] = title
    if inside.parts:
        record["attributes"] = {"category": inside.as_posix()}
    for name in parts:
        modality = _MODALITY[Path(name).suffix.lower()]
        if modality != "text":
            record.setdefault(modality, []).append((inside / name).as_posix())
            continue
        text = _text(root / inside / name)
        if isinstance(text, ManifestError):
            return text
        record["text"] = text
    return record


def _text(path: Path) -> str | ManifestError:
    if path.is_symlink():
        return ManifestError("a text beside a medium is a link", remedy="put the file itself there")
    if not path.is_file():
        # A pipe would be waited for.
        return ManifestError(f"{path.name} is not a file", remedy="put a text file there")
    try:
        with path.open("rb") as file:
            return file.read(_MAX_TEXT_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        return ManifestError(f"{path.name} cannot be read: {error}", remedy="save it as UTF-8 text")
