"""Many strings in one buffer: decoded one by one, so that a catalogue of millions opens at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar, cast, overload

import numpy as np
import numpy.typing as npt

__all__ = ["Texts"]

#: `str`, or `str | None` where some are missing.
T = TypeVar("T", str, str | None)

#: So many strings beside the buffer, or this share of it, are put into a new one.
_LOOSE, _LOOSE_SHARE = 4096, 0.1
#: Strings handed out of one piece of the buffer.
_STRETCH = 4096
#: Half a surrogate pair, which no database holds, is no reason to fail.
_ERRORS = "surrogatepass"


class Texts(Sequence[T], Generic[T]):
    """Strings by position; immutable.

    Args:
        offsets: Where each begins in `data`, and where the last ends, ``(n + 1,)``.
        data: UTF-8, ``(bytes,)``; may be memory-mapped.
        missing: Which are None, ``(n,)``; None means none is.
        tail: Strings behind those of the buffer.
        changed: Position in the buffer to what stands there now.
    """

    def __init__(
        self,
        offsets: npt.NDArray[np.int64],
        data: npt.NDArray[np.uint8],
        missing: npt.NDArray[np.bool_] | None = None,
        tail: Sequence[T] = (),
        changed: Mapping[int, T] | None = None,
    ) -> None:
        self.offsets, self.data, self.missing = offsets, data, missing
        self._tail: list[T] = list(tail)
        self._changed: dict[int, T] = dict(changed or {})
        self._base = len(offsets) - 1
        # Slices of it cost a fraction of an array's.
        self._buffer = data.data

    @classmethod
    def of(cls, values: Iterable[T]) -> Texts[T]:
        """These strings."""
        some = list(values)
        parts = [b"" if value is None else value.encode(errors=_ERRORS) for value in some]
        missing = np.fromiter((value is None for value in some), dtype=np.bool_, count=len(some))
        lengths = np.fromiter(map(len, parts), dtype=np.int64, count=len(parts))
        return cls(_offsets(lengths), np.frombuffer(b"".join(parts), dtype=np.uint8), missing)

    def __len__(self) -> int:
        return self._base + len(self._tail)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = int(index)
        if at < 0:
            at += len(self)
        if not 0 <= at < len(self):
            raise IndexError(index)
        if at >= self._base:
            return self._tail[at - self._base]
        if self._changed and at in self._changed:
            return self._changed[at]
        if self.missing is not None and self.missing[at]:
            return cast(Any, None)
        return cast(Any, self._bytes(at).decode(errors=_ERRORS))

    def at(self, rows: npt.NDArray[np.int64]) -> list[T]:
        """Strings at some positions that exist, ``(n,)``; quicker than one by one."""
        if self._changed or (self._tail and len(rows) and rows.max() >= self._base):
            return [self[row] for row in rows.tolist()]
        buffer = self._buffer
        spans = zip(self.offsets[rows].tolist(), self.offsets[rows + 1].tolist(), strict=True)
        found: list[Any] = [str(buffer[start:stop], "utf-8", _ERRORS) for start, stop in spans]
        if self.missing is not None:
            for place in self.missing[rows].nonzero()[0].tolist():
                found[place] = None
        return found

    def extended(self, changed: Mapping[int, T], new: Sequence[T]) -> Texts[T]:
        """With other strings at some positions, and more at the end."""
        if not changed and not new:
            return self
        tail: list[Any] = [*self._tail, *new]
        inside: dict[int, Any] = {at: value for at, value in changed.items() if at < self._base}
        for at in changed.keys() - inside.keys():
            tail[at - self._base] = changed[at]
        made: Texts[T] = Texts(self.offsets, self.data, self.missing, tail, {**self._changed, **inside})
        loose = len(tail) + len(made._changed)
        return made.packed() if loose > max(_LOOSE, _LOOSE_SHARE * self._base) else made

    def packed(self) -> Texts[T]:
        """The same with everything in the buffer."""
        if not self._tail and not self._changed:
            return self
        parts: list[bytes] = []
        start = 0
        lengths = np.diff(self.offsets)
        missing = np.zeros(self._base, np.bool_) if self.missing is None else np.array(self.missing)
        lengths = np.array(lengths)
        for at in sorted(self._changed):
            parts.append(self.data[self.offsets[start] : self.offsets[at]].tobytes())
            value = self._changed[at]
            encoded = b"" if value is None else value.encode(errors=_ERRORS)
            parts.append(encoded)
            lengths[at], missing[at], start = len(encoded), value is None, at + 1
        parts.append(self.data[self.offsets[start] : self.offsets[self._base]].tobytes())
        tail = Texts.of(self._tail)
        parts.append(tail.data.tobytes())
        assert tail.missing is not None
        offsets = _offsets(np.concatenate([lengths, np.diff(tail.offsets)]))
        joined = np.frombuffer(b"".join(parts), dtype=np.uint8)
        return Texts(offsets, joined, np.concatenate([missing, tail.missing]))

    def encoded(self, rows: Iterable[int] | None = None) -> Iterable[bytes]:
        """Strings as UTF-8, None as nothing; all by default."""
        if rows is None and not self._changed:
            yield from self._encoded_buffer()
            rows = range(self._base, len(self))
        for at in range(len(self)) if rows is None else rows:
            if at < self._base and at not in self._changed:
                yield self._bytes(at)
            else:
                yield (self[at] or "").encode(errors=_ERRORS)

    def _encoded_buffer(self) -> Iterable[bytes]:
        # A stretch at a time: a slice of bytes costs a tenth of one of an array.
        for first in range(0, self._base, _STRETCH):
            places = self.offsets[first : first + _STRETCH + 1]
            stretch = self.data[places[0] : places[-1]].tobytes()
            bounds = (places - places[0]).tolist()
            yield from map(stretch.__getitem__, map(slice, bounds, bounds[1:]))

    def _bytes(self, at: int) -> bytes:
        return self.data[self.offsets[at] : self.offsets[at + 1]].tobytes()


def _offsets(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
