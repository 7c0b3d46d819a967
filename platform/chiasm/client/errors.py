"""Errors of the Python facade.

```
ChiasmError
 +-- WaitTimeout        a job is not done after `timeout_s`; it goes on        (also a TimeoutError)
 +-- ServiceError       a Chiasm service cannot be reached, or broke           (also a ConnectionError)
 +-- AccessDenied       the API key is missing, unknown or too weak            (also a PermissionError)
```
"""

from __future__ import annotations

from chiasm.errors import ChiasmError

__all__ = ["AccessDenied", "ServiceError", "WaitTimeout"]


class WaitTimeout(ChiasmError, TimeoutError):  # noqa: N818 - reads as what happened
    """A job is not done yet; it goes on without the waiter."""

    slug = "wait-timeout"
    http_status = 504


class ServiceError(ChiasmError, ConnectionError):
    """A Chiasm service cannot be reached, or failed by itself."""

    slug = "service"
    http_status = 502


class AccessDenied(ChiasmError, PermissionError):  # noqa: N818 - reads as what happened
    """The API key is missing, unknown, revoked or of a smaller scope."""

    slug = "access-denied"
    http_status = 403
