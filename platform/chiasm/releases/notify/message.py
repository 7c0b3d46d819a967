"""A notice as it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Message"]

_SAID = {
    "release.promoted": "release {release} answers",
    "release.refused": "release {release} was not promoted",
    "release.rolled_back": "back to release {release}",
    "job.failed": "job {job} ({kind}) failed",
    "schedule.failed": "schedule {schedule} could not be fired",
}


@dataclass(frozen=True)
class Message:
    """What is told."""

    #: The same however often it is sent: who gets it twice can tell.
    id: str
    event: str
    workspace: str
    #: Seconds since the epoch.
    at: float
    body: dict[str, Any]

    @property
    def subject(self) -> str:
        """One line."""
        said = _SAID.get(self.event, self.event)
        known = {name: self.body.get(name) for name in ("release", "job", "kind", "schedule")}
        return f"Chiasm, {self.workspace}: {said.format(**known)}"

    def to_dict(self) -> dict[str, Any]:
        """The message as JSON."""
        head = {"id": self.id, "event": self.event, "workspace": self.workspace, "at": self.at}
        return {**head, "said": self.subject, **self.body}
