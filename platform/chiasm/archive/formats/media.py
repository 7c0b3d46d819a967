"""Pictures and sounds of an export, as files with names that programs know."""

from __future__ import annotations

from pathlib import Path

from chiasm.archive.entities import GivenMedium
from chiasm.errors import DamagedError, NotFoundError
from chiasm.media import BlobStore

__all__ = ["MediaFolder"]

_ENDINGS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/bmp": ".bmp",
    "image/tiff": ".tiff",
    "audio/wav": ".wav",
    "audio/flac": ".flac",
    "audio/ogg": ".ogg",
    "audio/mpeg": ".mp3",
    "audio/aiff": ".aiff",
}


class MediaFolder:
    """Copies blobs to `media/` below a folder; equal content once.

    Args:
        store: Where they are.
        root: Folder that paths are relative to.
    """

    def __init__(self, store: BlobStore, root: Path) -> None:
        self._store = store
        self._root = root

    def save(self, medium: GivenMedium) -> str | None:
        """Path of the copy, relative to the root; None for one that failed once and is gone.

        Raises:
            DamagedError: The blob is missing or does not match its checksum.
        """
        name = medium.sha256 + _ENDINGS.get(medium.media_type or "", "")
        path = self._root / "media" / medium.sha256[:2] / name
        if not path.exists():
            try:
                data = self._store.get(medium.sha256)
            except NotFoundError as error:
                if medium.failed:
                    return None
                raise DamagedError(
                    "a picture or sound is missing", where=error.where, remedy="run `chiasm doctor`"
                ) from error
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return path.relative_to(self._root).as_posix()
