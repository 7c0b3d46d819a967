"""What students of one modality are taught, whatever their shape, and how one of them is built and stored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, Protocol, TypeVar

from torch import nn

from chiasm_encoders.distil.imitation import Lessons
from chiasm_encoders.distil.onnx_export import Exported

__all__ = ["StudentShape", "Teaching"]


class StudentShape(Protocol):
    """A frozen dataclass that says what a student is built from."""

    @property
    def kind(self) -> str:
        """Family of nets."""
        ...

    @property
    def name(self) -> str:
        """Tells it from the others of its modality."""
        ...


Shape = TypeVar("Shape", bound=StudentShape)


class Teaching(ABC, Generic[Shape]):
    """Lessons of one modality, and the students that take them."""

    modality: str
    #: Fingerprint of the teacher in whose space students answer.
    teacher: str

    @property
    @abstractmethod
    def dim(self) -> int:
        """Length of that teacher's vectors."""

    @abstractmethod
    def lessons(self) -> Lessons:
        """What students are trained on."""

    @abstractmethod
    def identity(self) -> object:
        """What an outcome depends on beside lessons, shape and teacher."""

    @abstractmethod
    def built(self, shape: Shape) -> nn.Module:
        """A student with random weights.

        Raises:
            SpecError: There is no such kind.
        """

    def begun(self, shape: Shape) -> nn.Module:
        """A student as training begins with it."""
        return self.built(shape)

    @abstractmethod
    def exported(self, net: nn.Module) -> Exported:
        """A student, in eval mode and on the CPU, as an ONNX file.

        Raises:
            ExportError: The export says something else than the net.
        """

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Entries of the student's `config.json` that its encoder reads."""

    def files(self) -> Mapping[str, bytes]:
        """Further files of the student by name."""
        return {}
