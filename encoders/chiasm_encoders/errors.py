"""Every error that the encoders raise on purpose.

```
EncoderError
 +-- SpecError             a spec that names no encoder, or a malformed one
 +-- WeightsError          weights or configuration missing or damaged
 |    +-- UnsafeWeightsError  only a pickle is there, and a pickle can run code
 |    +-- ExportError         what a net was exported to says something else than the net
 +-- MissingPackageError   an optional package that is needed here is not installed
 +-- EncoderInputError     an item that this encoder cannot take
 +-- SupervisionError      training data whose parts do not fit each other
 +-- TrainingStopped       stop() answered true; a checkpoint was written
```
"""

from __future__ import annotations

__all__ = [
    "EncoderError",
    "EncoderInputError",
    "ExportError",
    "MissingPackageError",
    "SpecError",
    "SupervisionError",
    "TrainingStopped",
    "UnsafeWeightsError",
    "WeightsError",
]


class EncoderError(Exception):
    """Base of all; carries what was wrong, where, and what to do.

    Args:
        what: What was wrong, one sentence without a full stop.
        where: Spec, file or item that it concerns.
        remedy: What the reader can do about it.
    """

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


def _rebuild(kind: type[EncoderError], what: str, where: str | None, remedy: str | None) -> EncoderError:
    return kind(what, where=where, remedy=remedy)


class SpecError(EncoderError):
    """The spec names no encoder, or is malformed."""


class WeightsError(EncoderError):
    """Weights or configuration are missing or damaged."""


class UnsafeWeightsError(WeightsError):
    """Only a pickle is there, and a pickle can run code."""


class ExportError(WeightsError):
    """What a net was exported to says something else than the net."""


class MissingPackageError(EncoderError):
    """An optional package that is needed here is not installed."""

    #: Names its counterpart in the platform.
    kind = "missing-dependency"


class EncoderInputError(EncoderError):
    """An item cannot be taken by this encoder."""


class SupervisionError(EncoderError):
    """Parts of the training data do not fit each other."""


class TrainingStopped(EncoderError):  # noqa: N818 - reads as what happened: `except TrainingStopped`
    """The caller asked to stop; the run resumes from the checkpoint that was written."""
