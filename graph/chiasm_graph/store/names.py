"""Many strings in one buffer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

from chiasm_graph.errors import ShapeError
from chiasm_graph.spans import spread

__all__ = ["Names"]

Ints = npt.NDArray[np.int64]


class Names(Sequence[str]):
    """Strings by number, decoded when asked for; the arrays may be memory-mapped.

    Args:
        offsets: Where each begins in ``data``, and where the last ends, ``(n + 1,)`` int64.
        data: UTF-8, ``(bytes,)`` uint8.

    Raises:
        ShapeError: Offsets that lead out of the buffer.
    """

    def __init__(self, offsets: Ints, data: npt.NDArray[np.uint8]) -> None:
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(data):
            raise ShapeError("offsets must lead from the buffer's start to its end", where="Names")
        self.offsets, self.data = offsets, data
        self._buffer = data.data if len(data) else memoryview(b"")

    @classmethod
    def of(cls, values: Iterable[str]) -> Names:
        """These strings.

        Raises:
            UnicodeEncodeError: One holds half a surrogate pair.
        """
        parts = [value.encode() for value in values]
        offsets = np.zeros(len(parts) + 1, dtype=np.int64)
        np.cumsum(np.fromiter(map(len, parts), dtype=np.int64, count=len(parts)), out=offsets[1:])
        return cls(offsets, np.frombuffer(b"".join(parts), dtype=np.uint8))

    def take(self, rows: Ints) -> Names:
        """Some of them, in that order, ``(m,)``."""
        start = self.offsets[rows]
        counts = self.offsets[np.asarray(rows) + 1] - start
        offsets = np.zeros(len(counts) + 1, dtype=np.int64)
        np.cumsum(counts, out=offsets[1:])
        return Names(offsets, self.data[spread(start, counts)[1]])

    def then(self, others: Names) -> Names:
        """These and others behind them."""
        offsets = np.concatenate([self.offsets, others.offsets[1:] + self.offsets[-1]])
        return Names(offsets, np.concatenate([self.data, others.data]))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = int(index) + (len(self) if index < 0 else 0)
        if not 0 <= at < len(self):
            raise IndexError(index)
        return str(self._buffer[int(self.offsets[at]) : int(self.offsets[at + 1])], "utf-8")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Names):
            return NotImplemented
        return np.array_equal(self.offsets, other.offsets) and np.array_equal(self.data, other.data)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Names({len(self)} strings)"
