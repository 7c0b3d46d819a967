"""The bytes behind a path that a record names, and nothing outside its folder."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import NamedTuple

from chiasm.errors import InputError, MediaError
from chiasm.ingest.urls import fetch, is_url
from chiasm.media import BlobStore, MediaLimits
from chiasm.media.sniff import require

__all__ = ["UPLOADED", "MediaSource", "Medium"]

#: Scheme of a medium that was uploaded with its record: its SHA-256 in the blob store follows.
UPLOADED = "upload:"


class Medium(NamedTuple):
    """A file's content and what it is."""

    data: bytes
    sha256: str
    mime: str


class MediaSource:
    """Reads what one manifest may read.

    Args:
        root: Folder that paths are relative to and must stay in; None: no files at all.
        blobs: Where uploads were put; None: the manifest may not name any.
        allow_urls: Whether http(s) URLs are fetched.
        limits: Size limits.
    """

    def __init__(
        self,
        root: Path | None,
        *,
        blobs: BlobStore | None = None,
        allow_urls: bool = False,
        limits: MediaLimits | None = None,
    ) -> None:
        self._root = None if root is None else root.resolve()
        self._blobs = blobs
        self._allow_urls = allow_urls
        self._max_bytes = (limits or MediaLimits()).max_bytes

    def load(self, path: str, modality: str) -> Medium:
        """The medium at a path as written.

        Raises:
            InputError: It is missing, outside the folder, a URL that is not allowed, or too large.
            MediaError: Its content is not of the modality.
        """
        data = self._read(path)
        kind = require(data, modality)
        return Medium(data, hashlib.sha256(data).hexdigest(), kind.mime)

    def _read(self, path: str) -> bytes:
        if path.startswith(UPLOADED) and self._blobs is not None:
            return self._blobs.get(path.removeprefix(UPLOADED))
        if is_url(path):
            if not self._allow_urls or not path.lower().startswith(("http://", "https://")):
                raise InputError(
                    f"{path[:200]!r} is a URL",
                    remedy="download the file beside the manifest, or set CHIASM_ALLOW_URLS=1 for http(s)",
                )
            return fetch(path, self._max_bytes)
        return self._read_file(self._inside(path))

    def _inside(self, path: str) -> Path:
        if self._root is None:
            raise InputError(f"{path[:200]!r} was not uploaded", remedy="upload the file with the records")
        try:
            # Follows every link on the way, so that the check below sees where it really leads.
            real = (self._root / path).resolve(strict=True)
        except FileNotFoundError as error:
            raise InputError(
                f"no such file: {path[:200]!r}", remedy="paths are relative to the manifest"
            ) from error
        except (OSError, ValueError, RuntimeError) as error:
            reason = str(getattr(error, "strerror", None) or error)[:200]
            raise InputError(f"{path[:200]!r} cannot be opened: {reason}", remedy="check the path") from error
        if not real.is_relative_to(self._root):
            raise InputError(
                f"{path[:200]!r} leads outside the manifest's folder",
                remedy="put the file below the manifest",
            )
        return real

    def _read_file(self, path: Path) -> bytes:
        try:
            # A pipe must not block us, and a link put there meanwhile is not followed.
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise InputError(
                f"{path.name!r} cannot be opened: {error.strerror}", remedy="check the file"
            ) from error
        try:
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode):
                raise InputError(f"{path.name!r} is not a file", remedy="name a file")
            if about.st_size > self._max_bytes:
                raise MediaError(
                    f"{path.name!r} has {about.st_size} bytes", remedy=f"at most {self._max_bytes} are taken"
                )
            with os.fdopen(handle, "rb", closefd=False) as file:
                return file.read(self._max_bytes + 1)
        finally:
            os.close(handle)
