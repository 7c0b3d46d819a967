"""Where a statement comes from: users gave it, or something derived it from what they gave."""

from __future__ import annotations

from collections.abc import Iterable

from chiasm.errors import UsageError

__all__ = ["DERIVED", "GIVEN", "ORIGINS", "PREDICTED", "RULE", "STATED", "TABLE", "checked_origins"]

#: A relation in its subject's own record, which a later record may take back.
STATED = "stated"
#: A row of a triples file, which the records of its ends do not touch.
TABLE = "table"
#: What a rule says.
RULE = "rule"
#: What a model says.
PREDICTED = "predicted"

GIVEN = (STATED, TABLE)
DERIVED = (RULE, PREDICTED)
ORIGINS = (*GIVEN, *DERIVED)


def checked_origins(names: Iterable[str], where: str) -> tuple[str, ...]:
    """The origins in their usual order, each once.

    Args:
        names: What was asked for.
        where: The setting or key that named them.

    Raises:
        UsageError: One is unknown, or there is none.
    """
    wanted = set(names)
    unknown = sorted(wanted.difference(ORIGINS))
    if unknown or not wanted:
        what = f"unknown origin {unknown[0][:80]!r}" if unknown else "no origin is named"
        raise UsageError(what, where=where, remedy=f"use one or more of {', '.join(ORIGINS)}")
    return tuple(name for name in ORIGINS if name in wanted)
