"""Which row has a key, without a dictionary of millions."""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

import numpy as np
import numpy.typing as npt

from chiasm.search.texts import Texts

__all__ = ["KeyIndex"]


class KeyIndex:
    """Rows by the checksum of their key; whoever finds one compares the key itself.

    Args:
        sums: Checksums of keys, ascending, ``(n,)`` uint32; may be memory-mapped.
        rows: Row of each, ``(n,)`` int32.
        newer: Keys that came since, with their rows.
    """

    def __init__(
        self,
        sums: npt.NDArray[np.uint32],
        rows: npt.NDArray[np.int32],
        newer: Mapping[str, int] | None = None,
    ) -> None:
        self.sums, self.rows = sums, rows
        self._newer = dict(newer or {})

    @classmethod
    def of(cls, keys: Texts[str]) -> KeyIndex:
        """Of all keys."""
        sums = np.fromiter(map(crc32, keys.encoded()), dtype=np.uint32, count=len(keys))
        order = np.argsort(sums, kind="stable")
        return cls(sums[order], order.astype(np.int32))

    def __len__(self) -> int:
        return len(self.rows) + len(self._newer)

    def extended(self, keys: Texts[str], newer: Mapping[str, int]) -> KeyIndex:
        """With more keys; `keys` are all of them."""
        together = {**self._newer, **newer}
        if len(together) > max(4096, len(self.rows) // 10):
            return KeyIndex.of(keys)
        return KeyIndex(self.sums, self.rows, together)

    def candidates(self, key: str) -> list[int]:
        """Rows that may have the key, the newest first."""
        found = [self._newer[key]] if key in self._newer else []
        try:
            wanted = np.uint32(crc32(key.encode()))
        except UnicodeEncodeError:
            return found
        first, last = np.searchsorted(self.sums, wanted, "left"), np.searchsorted(self.sums, wanted, "right")
        return [*found, *self.rows[first:last].tolist()]
