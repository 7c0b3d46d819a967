"""Local files for a service: manifests with the media that they name, and triples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from chiasm.errors import InputError, UsageError

__all__ = ["FilePart", "UploadPlan"]

#: Form name, file name as the manifest knows it, open stream.
FilePart = tuple[str, tuple[str, IO[bytes]]]
_MEDIA = ("image", "audio")
_MANIFESTS = (".jsonl",)


class UploadPlan:
    """What a form will hold; files are open while the block lasts.

    Args:
        paths: Manifests (JSON lines) and triples files.
        triples: Files that are triples whatever they look like.

    Raises:
        UsageError: A path is a folder, which a service cannot take.
        InputError: A file cannot be read, or its media lie outside its folder.
    """

    def __init__(self, paths: Sequence[Path], triples: Sequence[Path]) -> None:
        self._manifests = [_file(path) for path in paths]
        self._triples = [_file(path) for path in triples]
        self._stack = ExitStack()

    def __enter__(self) -> list[FilePart]:
        parts: list[FilePart] = []
        names: set[str] = set()
        for name, listed in (("manifest", self._manifests), ("triples", self._triples)):
            for path in listed:
                parts.append((name, (_fresh(names, path.name), self._open(path))))
        for path in self._manifests:
            for relative in sorted(set(_media_of(path)) - names):
                names.add(relative)
                parts.append(("media", (relative, self._open(_inside(path.parent, relative)))))
        return parts

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _open(self, path: Path) -> IO[bytes]:
        try:
            return self._stack.enter_context(path.open("rb"))
        except OSError as error:
            raise InputError(f"it cannot be read: {error.strerror}", where=str(path)) from error


def _media_of(manifest: Path) -> Iterator[str]:
    if manifest.suffix.lower() not in _MANIFESTS:
        return
    with manifest.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            yield from _named(line)


def _named(line: str) -> Iterator[str]:
    try:
        record = json.loads(line)
    except ValueError:
        # The service's reader names the line and what is wrong with it.
        return
    if not isinstance(record, dict):
        return
    for modality in _MEDIA:
        value = record.get(modality)
        for item in value if isinstance(value, list) else [value]:
            path = item.get("path") if isinstance(item, dict) else item
            if isinstance(path, str) and path and "://" not in path:
                yield path


def _inside(folder: Path, relative: str) -> Path:
    path = (folder / relative).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InputError("the path leads out of the manifest's folder", where=relative)
    return path


def _file(path: Path) -> Path:
    if path.is_dir():
        raise UsageError(
            "a folder cannot be sent to a service", where=str(path), remedy="write a manifest of its files"
        )
    if not path.is_file():
        raise InputError("there is no such file", where=str(path))
    return path


def _fresh(names: set[str], name: str) -> str:
    if name in names:
        raise UsageError("two files of one name", where=name, remedy="ingest them one after the other")
    names.add(name)
    return name
