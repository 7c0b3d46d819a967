"""Following a folder: which of its sources are new or changed, and complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from chiasm.errors import ChiasmError
from chiasm.ingest.readers.folder import MEDIA_SUFFIXES
from chiasm.ingest.readers.registry import detect, is_source

__all__ = ["FolderWatch"]

#: Size in bytes and time of change.
_Sign = tuple[int, int]


class FolderWatch:
    """Sources below a folder, each handed out once it is complete and again whenever it changed.

    A file counts as complete when size and time are the same at two looks. Manifests, triples and graphs are
    sources; pictures and sounds belong to the manifests above them, which are handed out again when their media
    change. A folder without any manifest is a tree of media, and is handed out as such.

    Args:
        folder: What to follow; hidden files, and folders that are links, are passed over.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._before: dict[Path, _Sign] = {}
        self._handed_out: dict[Path, _Sign] = {}
        #: What is wrong with sources that cannot be read, told once for each state of the file.
        self._told: dict[Path, _Sign] = {}

    def look(self) -> tuple[list[Path], list[tuple[Path, ChiasmError]]]:
        """Sources to ingest now, in order of their names, and those that cannot be read."""
        now = dict(self._files())
        still = [path for path, sign in now.items() if self._before.get(path) == sign]
        self._before = now
        fresh = [path for path in still if self._handed_out.get(path) != now[path]]
        manifests = [path for path in now if is_source(path)]
        chosen: set[Path] = set()
        for path in fresh:
            self._handed_out[path] = now[path]
            chosen |= {path} if is_source(path) else set(self._owners(path, manifests))
        gone = self._handed_out.keys() - now.keys()
        for path in gone:
            del self._handed_out[path]
        return self._readable(sorted(chosen), now)

    def _files(self) -> Iterator[tuple[Path, _Sign]]:
        for folder, names, files in os.walk(self._folder):
            names[:] = sorted(name for name in names if not name.startswith("."))
            for name in sorted(files):
                path = Path(folder) / name
                if name.startswith(".") or not (is_source(path) or path.suffix.lower() in MEDIA_SUFFIXES):
                    continue
                try:
                    about = path.stat()
                except OSError:
                    # Gone, or renamed, between the two.
                    continue
                yield path, (about.st_size, about.st_mtime_ns)

    def _owners(self, medium: Path, manifests: list[Path]) -> list[Path]:
        if not manifests:
            return [self._folder]
        return [path for path in manifests if medium.is_relative_to(path.parent)]

    def _readable(
        self, chosen: list[Path], now: dict[Path, _Sign]
    ) -> tuple[list[Path], list[tuple[Path, ChiasmError]]]:
        good, wrong = [], []
        for path in chosen:
            try:
                detect(path)
            except ChiasmError as error:
                if self._told.get(path) != now.get(path):
                    wrong.append((path, error))
                    self._told[path] = now[path]
            else:
                good.append(path)
        return good, wrong
