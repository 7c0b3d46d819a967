"""Content-addressed store of media, on any fsspec file system."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from chiasm.errors import DamagedError, NotFoundError
from chiasm.media.durable import write_durably

__all__ = ["BlobStore", "StoredBlob"]

_ADDRESS = re.compile(r"[0-9a-f]{64}")
#: Behind the name of a blob that was set aside.
_DAMAGED = ".damaged"


class StoredBlob(NamedTuple):
    """A blob as the store lists it."""

    address: str
    size_bytes: int
    #: When it was last put, in seconds since the epoch.
    modified_at: float


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
        #: Whether it is a folder of this machine.
        self.is_local = "file" in _protocols(self._fs)

    def put(self, data: bytes) -> str:
        """Store; the SHA-256 that it is found by. Durable when it returns (local folders)."""
        return self.put_many([data])[0]

    def put_many(self, contents: Sequence[bytes]) -> list[str]:
        """Store several, each with its SHA-256; on a disk many times faster than one after the other."""
        addresses = [hashlib.sha256(data).hexdigest() for data in contents]
        # A file of another length is one that was cut: written again, it is whole again.
        wanted = {self._path(address): data for address, data in zip(addresses, contents, strict=True)}
        new = {path: data for path, data in wanted.items() if self._size(path) != len(data)}
        if self.is_local:
            # Old blobs that nobody names are collected; these are about to be named.
            gone = {path for path in wanted.keys() - new.keys() if not _renew(Path(path))}
            new |= {path: wanted[path] for path in gone}
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
            data: bytes = Path(path).read_bytes() if self.is_local else self._fs.cat_file(path)
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
        return [one for one in addresses if self.is_local and not self.has(one)]

    def delete(self, address: str) -> None:
        """Remove it, and what was set aside of it; nothing happens if it is not there."""
        path = self._path(address)
        for name in (path, path + _DAMAGED):
            if self.is_local:
                Path(name).unlink(missing_ok=True)
            elif self._fs.exists(name):
                self._fs.rm_file(name)

    def stored(self) -> Iterator[StoredBlob]:
        """Every blob, in no particular order; other files are passed over."""
        if self.is_local:
            for path in Path(self._root).glob("*/*/*"):
                with suppress(FileNotFoundError):
                    if _ADDRESS.fullmatch(path.name):
                        about = path.stat()
                        yield StoredBlob(path.name, about.st_size, about.st_mtime)
        elif self._fs.exists(self._root):
            for name, about in self._fs.find(self._root, detail=True).items():
                address = name.rsplit("/", 1)[-1]
                if _ADDRESS.fullmatch(address):
                    yield StoredBlob(address, int(about["size"]), _modified(about))

    def delete_older(self, address: str, than: float) -> bool:
        """Remove a blob that was not put since `than` (seconds since the epoch); whether it was removed."""
        path = Path(self._path(address))
        aside = path.with_name(f"{address}.unused")
        try:
            if not self.is_local or path.stat().st_mtime > than:
                return False
            path.rename(aside)
            # Put between the two lines above: back it goes. Put from here on, it is written anew.
            renewed = aside.stat().st_mtime > than
            aside.rename(path) if renewed else aside.unlink()
        except FileNotFoundError:
            return False
        return not renewed

    def set_aside(self, address: str) -> bool:
        """Rename a damaged blob so that its content can be put again; whether there was one."""
        path = self._path(address)
        if self._size(path) is None:
            return False
        if self.is_local:
            Path(path).rename(path + _DAMAGED)
        else:
            self._fs.mv(path, path + _DAMAGED)
        return True

    def _path(self, address: str) -> str:
        if not _ADDRESS.fullmatch(address):
            raise NotFoundError("not a blob's address", where=address[:80], remedy="use the SHA-256 in hex")
        return f"{self._root}/{address[:2]}/{address[2:4]}/{address}"

    def _size(self, path: str) -> int | None:
        try:
            return Path(path).stat().st_size if self.is_local else int(self._fs.info(path)["size"])
        except FileNotFoundError:
            return None


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def _renew(path: Path) -> bool:
    """Make a file young; False if it is gone."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _modified(about: Any) -> float:
    """When a listed object was written; now where the store does not say."""
    found = about.get("mtime") or about.get("LastModified") or about.get("updated") or about.get("created")
    if isinstance(found, datetime):
        return found.timestamp()
    return float(found) if isinstance(found, int | float) else time.time()
