"""Content-addressed store of media, on any fsspec file system."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from chiasm.errors import DamagedError, NotFoundError
from chiasm.media.durable import write_durably

__all__ = ["BlobStore"]

_ADDRESS = re.compile(r"[0-9a-f]{64}")


class BlobStore:
    """Bytes by their SHA-256, under `aa/bb/<sha256>`; the same content is stored once.

    Args:
        url: A folder, or any fsspec URL (`s3://bucket/prefix`, `memory://...`).
    """

    def __init__(self, url: str) -> None:
        # Imported here: importing the package stays cheap.
        import fsspec

        self.url = url
        self._fs: Any
        self._fs, self._root = fsspec.core.url_to_fs(url)
        self._is_local = "file" in _protocols(self._fs)

    def put(self, data: bytes) -> str:
        """Store; the SHA-256 that it is found by. Durable when it returns (local folders)."""
        return self.put_many([data])[0]

    def put_many(self, contents: Sequence[bytes]) -> list[str]:
        """Store several, each with its SHA-256; on a disk many times faster than one after the other."""
        addresses = [hashlib.sha256(data).hexdigest() for data in contents]
        # A file of another length is one that was cut: written again, it is whole again.
        wanted = {self._path(address): data for address, data in zip(addresses, contents, strict=True)}
        new = {path: data for path, data in wanted.items() if self._size(path) != len(data)}
        if self._is_local:
            write_durably({Path(path): data for path, data in new.items()}, Path(self._root))
        else:
            for path, data in new.items():
                # Object stores show an object when it is complete.
                self._fs.pipe_file(path, data)
        return addresses

    def get(self, address: str) -> bytes:
        """The bytes.

        Raises:
            NotFoundError: There is no such blob.
            DamagedError: What is stored is not what was put.
        """
        path = self._path(address)
        try:
            data: bytes = Path(path).read_bytes() if self._is_local else self._fs.cat_file(path)
        except FileNotFoundError as error:
            raise NotFoundError(
                "no such blob", where=f"{self.url}: {address}", remedy="ingest the file again"
            ) from error
        if hashlib.sha256(data).hexdigest() != address:
            raise DamagedError(
                "a blob does not match its checksum", where=path, remedy="delete it and ingest the file again"
            )
        return data

    def has(self, address: str) -> bool:
        """Whether it is stored (its content is not looked at)."""
        return self._size(self._path(address)) is not None

    def lost(self, addresses: Iterable[str]) -> list[str]:
        """Those that are not stored any more, as far as a local folder can tell at no cost; else none."""
        return [one for one in addresses if self._is_local and not self.has(one)]

    def delete(self, address: str) -> None:
        """Remove it; nothing happens if it is not there."""
        path = self._path(address)
        if self._is_local:
            Path(path).unlink(missing_ok=True)
        elif self._fs.exists(path):
            self._fs.rm_file(path)

    def _path(self, address: str) -> str:
        if not _ADDRESS.fullmatch(address):
            raise NotFoundError("not a blob's address", where=address[:80], remedy="use the SHA-256 in hex")
        return f"{self._root}/{address[:2]}/{address[2:4]}/{address}"

    def _size(self, path: str) -> int | None:
        try:
            return Path(path).stat().st_size if self._is_local else int(self._fs.info(path)["size"])
        except FileNotFoundError:
            return None


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
