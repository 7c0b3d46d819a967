"""Checksums a piece of a file: a large file is verified where it is used, before it is used."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from chiasm.errors import DamagedError

__all__ = ["PIECE_BYTES", "REMEDY", "PieceGuard", "describe"]

PIECE_BYTES = 4 * 2**20
REMEDY = (
    "run `chiasm doctor --repair`, or restore it from a backup; it can be embedded again from the catalog"
)
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

    Raises:
        DamagedError: The file is missing, or of another size.
    """

    def __init__(self, path: Path, size: int, pieces: Sequence[str] | None, sha256: str) -> None:
        self._path, self._name = path, str(path)
        self._piece_bytes = PIECE_BYTES if pieces is not None else max(size, 1)
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
        self._verify(np.flatnonzero(wanted & ~self._sound).tolist())

    def require_all(self) -> None:
        """Verify what was not yet.

        Raises:
            DamagedError: A piece is damaged.
        """
        self.check()
        if not self.complete:
            self._verify(np.flatnonzero(~self._sound).tolist())

    def watch(self) -> None:
        """Verify the rest in the background; damage is raised by the next `check`."""

        def work() -> None:
            try:
                for piece in range(len(self._pieces)):
                    if not self._sound[piece]:
                        self._verify([piece])
            except DamagedError:
                # Kept for `check`.
                return

        threading.Thread(target=work, name="chiasm-verify", daemon=True).start()

    def _verify(self, pieces: Iterable[int]) -> None:
        todo = list(pieces)
        if len(todo) > 1:
            with ThreadPoolExecutor(_THREADS) as pool:
                matches = list(pool.map(self._matches, todo))
        else:
            matches = [self._matches(piece) for piece in todo]
        if not all(matches):
            self._damage = self._damaged("file differs from its checksum")
            raise self._damage
        with self._lock:
            self._sound[todo] = True
            self.complete = bool(self._sound.all())

    def _matches(self, piece: int) -> bool:
        # Read, not mapped: what is only verified shall not count as memory of this process.
        try:
            with self._path.open("rb") as file:
                file.seek(piece * self._piece_bytes)
                data = file.read(self._piece_bytes)
        except FileNotFoundError:
            # Merged away and collected while a query still reads its map; nothing can be compared any more.
            return True
        return hashlib.sha256(data).hexdigest() == self._pieces[piece]

    def _damaged(self, what: str) -> DamagedError:
        return DamagedError(what, where=str(self._path), remedy=REMEDY)
