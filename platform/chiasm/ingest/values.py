"""Checks of single values: what a database, a vector and a JSON reader elsewhere can all hold."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from chiasm.catalog.names import NAME_LENGTH, is_name
from chiasm.errors import ManifestError

__all__ = ["checked_json", "checked_name", "checked_text", "parse_json"]

_TEXT_LENGTH = 1_000_000
_DEPTH = 32
_INT64 = 2**63


def checked_text(value: Any, field: str) -> str:
    """A string that every database can hold.

    Raises:
        ManifestError: Not a string, too long, or with a NUL or half a surrogate pair in it.
    """
    if not isinstance(value, str):
        raise ManifestError(f"{field} must be a string, not {_kind(value)}", remedy="write it in quotes")
    if len(value) > _TEXT_LENGTH:
        raise ManifestError(
            f"{field} has {len(value)} characters", remedy=f"at most {_TEXT_LENGTH} are taken"
        )
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ManifestError(
                f"{field} holds half a surrogate pair", remedy="write the character as UTF-8"
            ) from error
    if "\0" in value:
        raise ManifestError(f"{field} holds a NUL character", remedy="remove it")
    return value


def checked_name(value: Any, field: str) -> str:
    """A key, domain or predicate: one line of text, not blank.

    Raises:
        ManifestError: It is not.
    """
    # Millions come of a graph, and nearly all are right.
    if isinstance(value, str) and is_name(value):
        return value
    text = checked_text(value, field)
    if len(text) > NAME_LENGTH:
        raise ManifestError(f"{field} has {len(text)} characters", remedy=f"at most {NAME_LENGTH} are taken")
    raise ManifestError(f"{field} is blank or holds a control character", remedy="give it a name of one line")


def checked_json(value: Any, field: str, depth: int = 0) -> Any:
    """A JSON value with numbers in range and of sensible depth.

    Raises:
        ManifestError: It is not.
    """
    if isinstance(value, str):
        return checked_text(value, field)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -_INT64 <= value < _INT64:
            raise ManifestError(f"{field} is a number beyond 64 bits", remedy="write it as a string")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ManifestError(
                f"{field} is not a finite number", remedy="leave it out or write it as a string"
            )
        return value
    if depth >= _DEPTH:
        raise ManifestError(f"{field} is nested more than {_DEPTH} deep", remedy="flatten it")
    if isinstance(value, list):
        return [checked_json(part, field, depth + 1) for part in value]
    if isinstance(value, dict):
        return {
            checked_text(name, f"a name in {field}"): checked_json(
                part, f"{field}.{str(name)[:80]}", depth + 1
            )
            for name, part in value.items()
        }
    raise ManifestError(
        f"{field} is {_kind(value)}, which is no JSON", remedy="use text, numbers, lists, objects"
    )


def parse_json(text: str) -> Any:
    """The value of JSON text.

    Raises:
        ManifestError: It cannot be read.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise ManifestError(
            f"not JSON: {error.msg} at column {error.colno}", remedy="write one JSON object a line"
        ) from error
    except RecursionError as error:
        raise ManifestError("nested too deeply", remedy=f"at most {_DEPTH} levels are taken") from error
    except ValueError as error:
        # Python refuses integers of thousands of digits.
        raise ManifestError("a number has far too many digits", remedy="write it as a string") from error


def _refuse(name: str) -> NoReturn:
    raise ManifestError(f"{name} is not a JSON number", remedy="leave it out or write it as a string")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", bool: "true or false", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)
