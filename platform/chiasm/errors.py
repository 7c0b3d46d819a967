"""Every error that Chiasm raises on purpose.

```
ChiasmError
 +-- UsageError            wrong command, option or argument           (exit status 2)
 |    +-- SettingsError    unknown or malformed setting
 |    +-- RecipeError      unknown key or value in a training recipe
 |    +-- FilterError      malformed --where expression
 +-- InputError            a record, file or medium that cannot be used
 |    +-- ManifestError    a line of a manifest or triples file
 |    +-- MediaError       a picture or a sound that cannot be decoded
 |    +-- DimensionError   a vector of another length than the space's
 +-- NotFoundError         no such entity, domain, job, release, schedule
 +-- ConflictError         somebody else changed it first, or it is in use
 +-- DamagedError          a file does not match its checksum
 +-- UnavailableError      something needed is away for now: the database, room on the disk
 |    +-- OverloadedError  more is asked at once than can be answered
 +-- TimedOutError         it took longer than it may
 +-- StampError            vectors or weights of another model
 +-- MissingDependencyError  an optional package is not installed
 +-- JobFailed             a job ended with failures
```
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = [
    "NO_ROOM",
    "ChiasmError",
    "ConflictError",
    "DamagedError",
    "DimensionError",
    "FilterError",
    "InputError",
    "JobFailed",
    "ManifestError",
    "MediaError",
    "MissingDependencyError",
    "NotFoundError",
    "OverloadedError",
    "RecipeError",
    "SettingsError",
    "StampError",
    "TimedOutError",
    "UnavailableError",
    "UsageError",
    "translated",
    "within",
]

#: Numbers of an `OSError`: the disk is full, or a file may not grow any more.
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class ChiasmError(Exception):
    """Base of all; carries what was wrong, where, and what to do.

    Args:
        what: What was wrong, one sentence without a full stop.
        where: File, line, key or id that it concerns.
        remedy: What the reader can do about it.
    """

    #: Last part of the problem type URI in HTTP answers, and its status.
    slug = "error"
    http_status = 500
    exit_status = 1

    def __init__(self, what: str, *, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f" ({self.remedy})" if self.remedy else ""
        return f"{place}{self.what}{advice}"

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders; keyword arguments are lost by the default.
        return (_rebuild, (type(self), self.what, self.where, self.remedy))

    def to_dict(self) -> dict[str, str | None]:
        """The error as JSON for `--json`, dead letters and HTTP."""
        return {"error": self.slug, "what": self.what, "where": self.where, "remedy": self.remedy}


def _rebuild(kind: type[ChiasmError], what: str, where: str | None, remedy: str | None) -> ChiasmError:
    return kind(what, where=where, remedy=remedy)


class UsageError(ChiasmError):
    """A command, option or argument is wrong."""

    slug = "usage"
    http_status = 422
    exit_status = 2


class SettingsError(UsageError):
    """A setting is unknown or malformed."""

    slug = "settings"


class RecipeError(UsageError):
    """A training recipe has an unknown key or an impossible value."""

    slug = "recipe"


class FilterError(UsageError):
    """A filter expression cannot be understood."""

    slug = "filter"


class InputError(ChiasmError):
    """A record, file or medium cannot be used."""

    slug = "input"
    http_status = 422


class ManifestError(InputError):
    """A line of a manifest or of a triples file is wrong."""

    slug = "manifest"


class MediaError(InputError):
    """A picture or a sound cannot be decoded."""

    slug = "media"


class DimensionError(InputError):
    """A vector's length is not the space's."""

    slug = "dimension"


class NotFoundError(ChiasmError):
    """There is no such entity, domain, job, release or schedule."""

    slug = "not-found"
    http_status = 404


class ConflictError(ChiasmError):
    """Somebody else changed it first, or it is in use."""

    slug = "conflict"
    http_status = 409


class DamagedError(ChiasmError):
    """A file does not match its checksum."""

    slug = "damaged"


class StampError(ChiasmError):
    """Vectors or weights were made by another model."""

    slug = "stamp"


class UnavailableError(ChiasmError):
    """Something that is needed is away for now (the database, room on the disk); later it may work."""

    slug = "unavailable"
    http_status = 503


class OverloadedError(UnavailableError):
    """More is asked at once than can be answered; in a moment it may work."""

    slug = "overloaded"


class TimedOutError(ChiasmError):
    """It took longer than it may, and was given up."""

    slug = "timed-out"
    http_status = 504


class MissingDependencyError(ChiasmError):
    """An optional package is not installed."""

    slug = "missing-dependency"


class JobFailed(ChiasmError):  # noqa: N818 - reads as what happened: `except JobFailed`
    """A job ended with failures."""

    slug = "job-failed"


# A class, not a generator: a query goes through several.
class within:  # noqa: N801 - reads as the statement it is
    """Have errors say that what they are about is part of something larger (None: leave them as they are)."""

    __slots__ = ("_place",)

    def __init__(self, place: str | None) -> None:
        self._place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._place is not None and isinstance(error, ChiasmError):
            error.where = f"{self._place}: {error.where}" if error.where else self._place


@contextmanager
def translated() -> Iterator[None]:
    """Turn the errors of `chiasm_encoders` and `chiasm_graph`, which know no platform, into ours.

    They carry `what`, `where` and `remedy` like `ChiasmError`, and a `kind` that names its counterpart.
    """
    try:
        yield
    except ChiasmError:
        raise
    except Exception as error:
        if type(error).__module__.split(".")[0] not in {"chiasm_encoders", "chiasm_graph"}:
            raise
        what, where, remedy = (getattr(error, name, None) for name in ("what", "where", "remedy"))
        kind = _COUNTERPARTS.get(getattr(error, "kind", ""), InputError)
        raise kind(what or str(error), where=where, remedy=remedy) from error


_COUNTERPARTS: dict[str, type[ChiasmError]] = {
    "damaged": DamagedError,
    "dimension": DimensionError,
    "media": MediaError,
    "missing-dependency": MissingDependencyError,
    "not-found": NotFoundError,
    "recipe": RecipeError,
}
