"""Losses and figures of a training as TensorBoard shows them, while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from chiasm.errors import MissingDependencyError

__all__ = ["Board"]

#: Seconds that what was written may wait in memory.
_FLUSH_S = 10


class Board:
    """Writes TensorBoard's event files; a run that resumes goes on in the same curves.

    Args:
        folder: Of the run; None writes nothing.
        step: Steps that are done; what a lost run wrote of later ones is not shown.

    Raises:
        MissingDependencyError: The package `tensorboard` is not installed.
    """

    def __init__(self, folder: Path | None, step: int) -> None:
        self._writer: Any = None
        if folder is None:
            return
        try:
            # Nobody else needs it, and it takes a second.
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError as error:
            raise MissingDependencyError(
                "tensorboard is not installed",
                where="tensorboard_dir",
                remedy="install chiasm[tensorboard], or leave the setting out",
            ) from error
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = SummaryWriter(str(folder), purge_step=step + 1, flush_secs=_FLUSH_S)

    def add(self, step: int, values: Mapping[str, float], group: str) -> None:
        """Figures after a number of steps, as ``group/name``."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(f"{group}/{name}", value, step)

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
