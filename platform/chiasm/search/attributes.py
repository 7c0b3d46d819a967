"""One attribute of all entities as a typed column: filters without SQL.

Values keep the types that JSON gives them; `chiasm.catalog.filters.tree` says what comparisons mean.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from chiasm.search.texts import Texts

__all__ = ["AttributeColumn", "attribute_column"]

Bools = npt.NDArray[np.bool_]
#: What a value is. A list's elements stand in a table of their own.
ABSENT, NULL, FALSE, TRUE, NUMBER, STRING, LIST, OBJECT = range(8)
#: Whole numbers beyond are no exact float64.
_EXACT = 2**53
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class _Values(NamedTuple):
    """Scalars: their types, and number or string by type."""

    #: (n,) uint8
    types: npt.NDArray[np.uint8]
    #: (n,) NaN for what is none
    numbers: npt.NDArray[np.float64]
    #: (n,) place in `AttributeColumn.strings`, -1 for what is none
    codes: npt.NDArray[np.int32]


class AttributeColumn:
    """The value at one path of each row.

    Args:
        values: Of rows, ``(rows,)``.
        elements: Of lists, one after the other, ``(elements,)``.
        owners: Row of each element, ``(elements,)``.
        strings: All different strings among both, with their codes, which count from 0.
    """

    def __init__(
        self, values: _Values, elements: _Values, owners: npt.NDArray[np.int64], strings: dict[str, int]
    ) -> None:
        self._values, self._elements, self._owners = values, elements, owners
        self._strings = strings

    def extended(
        self, attributes: Iterable[bytes], path: Sequence[str], rows: npt.NDArray[np.int64]
    ) -> AttributeColumn | None:
        """The column with other values at some rows, or at new ones behind the last; None as for the function.

        Args:
            attributes: JSON of those rows.
            path: Of the column.
            rows: Ascending, ``(n,)``.
        """
        strings = dict(self._strings)
        found = [(_coded(value, strings), value) for value in _walked(attributes, path)]
        numbered = zip(rows.tolist(), found, strict=True)
        lists = [(row, value) for row, ((kind, *_), value) in numbered if kind == LIST]
        elements = [_coded(one, strings) for _, value in lists for one in value]
        if any(one[0][1] is None for one in found) or any(one[1] is None for one in elements):
            return None
        owners = np.repeat([row for row, _ in lists], [len(value) for _, value in lists]).astype(np.int64)
        kept = ~np.isin(self._owners, rows)
        return AttributeColumn(
            _placed(self._values, rows, _table([one for one, _ in found])),
            _behind(self._elements, kept, _table(elements)),
            np.concatenate([self._owners[kept], owners]),
            strings,
        )

    def present(self) -> Bools:
        """Rows with a value other than null."""
        return np.asarray(self._values.types > NULL)

    def compare(self, op: str, value: str | int | float | bool) -> Bools:
        """Rows whose value stands so to this one; false across types."""
        return self._compare(self._values, op, value)

    def contains(self, value: str | int | float | bool | None) -> Bools:
        """Rows with a list that has the value as an element, or a string that has it as a part."""
        same = self._elements.types == NULL if value is None else self._compare(self._elements, "==", value)
        mask = np.zeros(len(self._values.types), dtype=np.bool_)
        mask[self._owners[same]] = True
        if isinstance(value, str):
            parts = np.fromiter((value in text for text in self._strings), np.bool_, len(self._strings))
            mask |= self._coded(self._values, parts)
        return mask

    def _compare(self, values: _Values, op: str, value: str | int | float | bool) -> Bools:
        if isinstance(value, bool):
            return np.asarray(values.types == (TRUE if value else FALSE))
        if isinstance(value, str):
            if op == "==":
                return np.asarray(values.codes == self._strings.get(value, -2))
            test = _COMPARE[op]
            passed = np.fromiter((test(text, value) for text in self._strings), np.bool_, len(self._strings))
            return self._coded(values, passed)
        with np.errstate(invalid="ignore"):
            return np.asarray(_COMPARE[op](values.numbers, value))

    @staticmethod
    def _coded(values: _Values, passed: Bools) -> Bools:
        # One more, for what is no string.
        return np.append(passed, False)[values.codes]


def attribute_column(attributes: Texts[str], path: Sequence[str]) -> AttributeColumn | None:
    """The column of a path; None where numbers are in it that float64 does not hold exactly.

    Args:
        attributes: JSON object of each row.
        path: Keys that lead to the value.
    """
    nothing = AttributeColumn(_values((), (), ()), _values((), (), ()), np.zeros(0, np.int64), {})
    return nothing.extended(attributes.encoded(), path, np.arange(len(attributes)))


class _Absent:
    pass


_NOTHING = _Absent()


def _walked(attributes: Iterable[bytes], path: Sequence[str]) -> Iterator[Any]:
    first = f'"{path[0]}"'.encode() if path[0].isascii() and path[0].isidentifier() else b""
    for encoded in attributes:
        # Most conditions are on what few entities have.
        if first and first not in encoded:
            yield _NOTHING
            continue
        value: Any = orjson.loads(encoded) if encoded else _NOTHING
        for key in path:
            value = value.get(key, _NOTHING) if isinstance(value, dict) else _NOTHING
        yield value


def _coded(value: Any, strings: dict[str, int]) -> tuple[int, Any, int]:
    """Type, number (None: not exact) and code of a value."""
    if isinstance(value, str):
        return STRING, np.nan, strings.setdefault(value, len(strings))
    if isinstance(value, bool):
        return (TRUE if value else FALSE), np.nan, -1
    if isinstance(value, int | float):
        return NUMBER, None if abs(value) > _EXACT else float(value), -1
    kind = {list: LIST, dict: OBJECT, _Absent: ABSENT}.get(type(value), NULL)
    return kind, np.nan, -1


def _table(coded: Sequence[tuple[int, float, int]]) -> _Values:
    return _values(*(tuple(zip(*coded, strict=True)) or ((), (), ())))


def _values(types: Sequence[int], numbers: Sequence[float], codes: Sequence[int]) -> _Values:
    return _Values(np.array(types, np.uint8), np.array(numbers, np.float64), np.array(codes, np.int32))


def _placed(old: _Values, rows: npt.NDArray[np.int64], new: _Values) -> _Values:
    """Old values with new ones at some rows, and behind the last."""
    known = rows < len(old.types)
    parts: list[Any] = []
    pairs: Iterable[tuple[Any, Any]] = zip(old, new, strict=True)
    for before, after in pairs:
        part = np.concatenate([before, after[~known]])
        part[rows[known]] = after[known]
        parts.append(part)
    return _Values(*parts)


def _behind(old: _Values, kept: Bools, new: _Values) -> _Values:
    """Those of the old values that are kept, then the new ones."""
    pairs: Iterable[tuple[Any, Any]] = zip(old, new, strict=True)
    return _Values(*(np.concatenate([before[kept], after]) for before, after in pairs))
