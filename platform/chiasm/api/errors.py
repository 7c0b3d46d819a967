"""Errors that only exist over HTTP.

```
ChiasmError
 +-- KeyMissing         no API key, or one that opens nothing   (401)
 +-- ScopeTooSmall      the key's scope does not include this   (403)
 +-- ForeignCaller      a Host or Origin that is not ours       (403)
 +-- BodyTooLarge       more bytes than the route takes         (413)
```
"""

from __future__ import annotations

from chiasm.errors import ChiasmError

__all__ = ["BodyTooLarge", "ForeignCaller", "KeyMissing", "ScopeTooSmall"]


class KeyMissing(ChiasmError):  # noqa: N818 - reads as what happened
    """No API key, or one that opens nothing."""

    slug = "key-missing"
    http_status = 401


class ScopeTooSmall(ChiasmError):  # noqa: N818
    """The key's scope does not include this."""

    slug = "access-denied"
    http_status = 403


class ForeignCaller(ChiasmError):  # noqa: N818
    """A Host or Origin that is not ours."""

    slug = "foreign-caller"
    http_status = 403


class BodyTooLarge(ChiasmError):  # noqa: N818
    """More bytes than the route takes."""

    slug = "too-large"
    http_status = 413
