"""Checksums a piece of a file: a large file is verified where it is used, before it is used."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chiasm.errors import DamagedError

__all__ = ["PIECE_BYTES", "REMEDY", "PieceGuard", "describe"]

#: A query of a large segment looks at hundreds of rows all over it, and waits until their pieces are verified.
PIECE_BYTES = 2**17
REMEDY = (
    "run `chiasm doctor --repair`, or restore it from a backup; it can be embedded again from the catalog"
)
#: Read at once.
_STRIDE_BYTES = 2**22
#: Verified by one thread at a time, at least; and at a time where nobody waits.
_SHARE_BYTES, _BACKGROUND_BYTES = 2**20, 2**22
#: Of one file; hashing leaves the interpreter's lock to others.
_THREADS = min(4, os.cpu_count() or 1)


def describe(path: Path) -> dict[str, Any]:
    """Bytes, SHA-256, and SHA-256 of each piece of a file, as a manifest notes them."""
    whole, pieces = hashlib.sha256(), []
    with path.open("rb") as file:
        while data := file.read(PIECE_BYTES):
            whole.update(data)
            pieces.append(hashlib.sha256(data).hexdigest())
    pieces = pieces or [whole.hexdigest()]
    return {"bytes": path.stat().st_size, "sha256": whole.hexdigest(), "pieces": pieces}


class PieceGuard:
    """Knows which pieces of a file were found sound; safe to share between threads.

    Args:
        path: The file.
        size: Its bytes.
        pieces: SHA-256 of each of its pieces; None where only that of the whole is known.
        sha256: Of the whole.
        piece_bytes: Of each piece but the last.

    Raises:
        DamagedError: The file is missing, or of another size.
    """

    def __init__(
        self, path: Path, size: int, pieces: Sequence[str] | None, sha256: str, piece_bytes: int | None = None
    ) -> None:
        self._path, self._name = path, str(path)
        self._piece_bytes = (piece_bytes or PIECE_BYTES) if pieces is not None else max(size, 1)
        pieces = [sha256] if pieces is None else pieces
        self._size = size
        self._pieces = pieces
        self._sound = np.zeros(len(pieces), dtype=np.bool_)
        self._lock = threading.Lock()
        #: Whether nothing is left to be verified.
        self.complete = False
        self._damage: DamagedError | None = None
        if not path.is_file():
            raise self._damaged("file is missing")
        found = path.stat().st_size
        if found != size or len(pieces) != max(1, -(-size // self._piece_bytes)):
            raise self._damaged(f"file has {found} bytes instead of {size}")

    def check(self) -> None:
        """What is known by now; costs a look at the file's size.

        A map of a file that was cut is a bus error when touched; one that was deleted lives on in the map.

        Raises:
            DamagedError: A piece was found damaged, or the file was cut.
        """
        if self._damage is not None:
            raise self._damage
        try:
            found = os.stat(self._name).st_size  # noqa: PTH116 - twice a query, for half of the time
        except FileNotFoundError:
            return
        if found < self._size:
            raise self._damaged(f"file was cut to {found} bytes")

    def require(self, starts: np.ndarray, stops: np.ndarray) -> None:
        """Verify the pieces that some stretches of bytes lie in, each once.

        Raises:
            DamagedError: One of them is damaged.
        """
        self.check()
        if self.complete:
            return
        wanted = np.zeros(len(self._sound), dtype=np.bool_)
        wanted[starts // self._piece_bytes] = True
        wanted[(stops - 1) // self._piece_bytes] = True
        self._verify(np.flatnonzero(wanted & ~self._sound))

    def require_all(self) -> None:
        """Verify what was not yet.

        Raises:
            DamagedError: A piece is damaged.
        """
        self.check()
        if not self.complete:
            self._verify(np.flatnonzero(~self._sound))

    def watch(self) -> None:
        """Verify the rest in the background; damage is raised by the next `check`."""

        def work() -> None:
            try:
                step = max(1, _BACKGROUND_BYTES // self._piece_bytes)
                for first in range(0, len(self._pieces), step):
                    self._verify(first + np.flatnonzero(~self._sound[first : first + step]), threads=1)
            except DamagedError:
                # Kept for `check`.
                return

        threading.Thread(target=work, name="chiasm-verify", daemon=True).start()

    def _verify(self, pieces: npt.NDArray[np.int64], threads: int = _THREADS) -> None:
        shares = min(threads, len(pieces) * self._piece_bytes // _SHARE_BYTES)
        if shares > 1:
            with ThreadPoolExecutor(shares) as pool:
                sound = all(pool.map(self._match, np.array_split(pieces, shares)))
        else:
            sound = self._match(pieces)
        if not sound:
            self._damage = self._damaged("file differs from its checksum")
            raise self._damage
        with self._lock:
            self._sound[pieces] = True
            self.complete = bool(self._sound.all())

    def _match(self, pieces: npt.NDArray[np.int64]) -> bool:
        # Read, not mapped: what is only verified shall not count as memory of this process.
        try:
            with self._path.open("rb") as file:
                number = file.fileno()
                for piece in pieces.tolist():
                    if self._sum(number, piece) != self._pieces[piece]:
                        return False
        except FileNotFoundError:
            # Merged away and collected while a query still reads its map; nothing can be compared any more.
            pass
        return True

    def _sum(self, file: int, piece: int) -> str:
        # In strides: a file that has no pieces is one, and may be larger than what one read gives.
        found, start = hashlib.sha256(), piece * self._piece_bytes
        end = min(start + self._piece_bytes, self._size)
        while start < end:
            data = os.pread(file, min(_STRIDE_BYTES, end - start), start)
            if not data:
                break
            found.update(data)
            start += len(data)
        return found.hexdigest()

    def _damaged(self, what: str) -> DamagedError:
        return DamagedError(what, where=str(self._path), remedy=REMEDY)
