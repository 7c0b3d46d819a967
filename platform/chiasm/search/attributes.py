"""One attribute of all entities as a typed column: filters without SQL.

Values keep the types that JSON gives them; `chiasm.catalog.filters.tree` says what comparisons mean.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from chiasm.search.texts import Texts

__all__ = ["AttributeColumn", "attribute_column"]

Bools = npt.NDArray[np.bool_]
#: What a value is. A list's elements stand in a table of their own.
ABSENT, NULL, FALSE, TRUE, NUMBER, STRING, LIST, OBJECT = range(8)
#: A row and its JSON.
_Row = tuple[int, bytes]
#: Rows read at a time.
_CHUNK = 4096
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


class _Absent:
    pass


_NOTHING = _Absent()
_KINDS = {_Absent: ABSENT, type(None): NULL, bool: FALSE, str: STRING, list: LIST, dict: OBJECT}
_KINDS |= {int: NUMBER, float: NUMBER}
_NO_VALUES = _Values(np.zeros(0, np.uint8), np.zeros(0), np.zeros(0, np.int32))


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
        parts, elements, owners = [], [], []
        for chunk in _chunks(zip(rows.tolist(), attributes, strict=True)):
            values = _walked([encoded for _, encoded in chunk], path)
            lists = [
                (row, value) for (row, _), value in zip(chunk, values, strict=True) if type(value) is list
            ]
            inner = list(chain.from_iterable(value for _, value in lists))
            part, element = _coded_all(values, strings), _coded_all(inner, strings)
            if part is None or element is None:
                return None
            parts.append(part)
            elements.append(element)
            owners.append(np.repeat([row for row, _ in lists], [len(value) for _, value in lists]))
        kept, old = ~np.isin(self._owners, rows), self._elements
        left = _Values(old.types[kept], old.numbers[kept], old.codes[kept])
        return AttributeColumn(
            _placed(self._values, rows, _joined(parts)),
            _joined([left, *elements]),
            np.concatenate([self._owners[kept], *owners]).astype(np.int64),
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
    nothing = AttributeColumn(_NO_VALUES, _NO_VALUES, np.zeros(0, np.int64), {})
    return nothing.extended(attributes.encoded(), path, np.arange(len(attributes)))


def _chunks(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    """So many that their values, as Python's objects, take little room."""
    some = iter(rows)
    while chunk := list(islice(some, _CHUNK)):
        yield chunk


def _walked(attributes: Sequence[bytes], path: Sequence[str]) -> list[Any]:
    """The value at the path of each row, read as one document: a call for each would cost more than the rest."""
    first = f'"{path[0]}"'.encode() if path[0].isascii() and path[0].isidentifier() else b""
    # Most conditions are on what few entities have.
    sought = [one if one and first in one else b"null" for one in attributes]
    values: list[Any] = orjson.loads(b"[" + b",".join(sought) + b"]")
    for key in path:
        values = [value.get(key, _NOTHING) if type(value) is dict else _NOTHING for value in values]
    return values


def _coded_all(values: Sequence[Any], strings: dict[str, int]) -> _Values | None:
    """Types, numbers and codes; None where a number is not exact. New strings get codes of their own."""
    types = np.fromiter(map(_KINDS.__getitem__, map(type, values)), np.uint8, len(values))
    numbers = np.full(len(values), np.nan)
    codes = np.full(len(values), -1, np.int32)
    bools, counted, texts = (np.flatnonzero(types == kind) for kind in (FALSE, NUMBER, STRING))
    if len(bools):
        types[bools] = np.where([values[at] for at in bools.tolist()], TRUE, FALSE)
    if len(counted):
        found = [values[at] for at in counted.tolist()]
        if max(map(abs, found)) > _EXACT:
            return None
        numbers[counted] = found
    if len(texts):
        codes[texts] = [strings.setdefault(values[at], len(strings)) for at in texts.tolist()]
    return _Values(types, numbers, codes)


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


def _joined(parts: Sequence[_Values]) -> _Values:
    """One after the other."""
    return _Values(*map(np.concatenate, zip(*parts, strict=True))) if parts else _NO_VALUES
