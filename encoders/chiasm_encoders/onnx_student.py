"""What distilled students that ONNX Runtime runs have in common, whatever they read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chiasm_encoders.onnx_session import OnnxSession

__all__ = ["OnnxStudent"]


class OnnxStudent:
    """A small net in the space of the teacher that it was distilled from.

    Args:
        folder: With `model.onnx`.
        config: The content of its `config.json`.
        fingerprint: Over its files.

    Raises:
        KeyError: The configuration lacks an entry.
        WeightsError: The net is none that ONNX Runtime takes.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], fingerprint: str) -> None:
        self.fingerprint = fingerprint
        #: Length of a vector.
        self.dim = int(config["dim"])
        #: Fingerprint of the teacher.
        self.teacher = str(config["teacher"])
        self.parameters = int(config["parameters"])
        self._session = OnnxSession((folder / "model.onnx").read_bytes(), str(folder))
