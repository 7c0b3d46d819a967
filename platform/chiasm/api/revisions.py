"""Revisions as HTTP writes them: `ETag` and `If-Match`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

from chiasm.errors import UsageError

__all__ = ["IfMatch", "etag", "seen_revision"]

IfMatch = Annotated[str | None, Header(description="The entity's revision that was seen, as its ETag.")]


def etag(revision: int) -> str:
    """A revision as an entity tag."""
    return f'"{revision}"'


def seen_revision(if_match: str | None) -> int | None:
    """The revision that a client has seen; None where it does not care.

    Raises:
        UsageError: The header is no revision of ours.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    digits = if_match.strip().removeprefix("W/").strip('"')
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 19):
        raise UsageError(
            "this is no revision", where="If-Match", remedy='send the ETag of the entity, as in "3"'
        )
    return int(digits)
