"""What people call things: one line of text that a table, a terminal and a URL can all show."""

from __future__ import annotations

from chiasm.errors import UsageError

__all__ = ["NAME_LENGTH", "check_name", "is_name"]

#: Longest key, domain, predicate or name, in characters.
NAME_LENGTH = 512


def is_name(text: str) -> bool:
    """Whether it is one line, not blank and not too long; what is printable holds no NUL and no half of a pair."""
    return 0 < len(text) <= NAME_LENGTH and text.isprintable() and not text.isspace()


def check_name(text: str, what: str) -> None:
    """Return if something may be called so.

    Args:
        text: The name.
        what: Of what, as in "the schedule".

    Raises:
        UsageError: It may not.
    """
    if is_name(text):
        return
    if len(text) > NAME_LENGTH:
        raise UsageError(
            f"the name of {what} has {len(text)} characters", remedy=f"at most {NAME_LENGTH} are taken"
        )
    raise UsageError(
        f"the name of {what} is blank or holds a control character", remedy="give it a name of one line"
    )
