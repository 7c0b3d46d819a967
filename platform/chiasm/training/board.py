"""Losses and figures of a training as TensorBoard shows them, while it runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from chiasm.errors import MissingDependencyError

__all__ = ["Board", "require_tensorboard"]

_log = logging.getLogger(__name__)

#: Seconds that what was written may wait in memory.
_FLUSH_S = 10


def require_tensorboard() -> None:
    """Pass if curves can be written.

    Raises:
        MissingDependencyError: The package `tensorboard` is not installed.
    """
    if find_spec("tensorboard") is None:
        raise MissingDependencyError(
            "tensorboard is not installed",
            where="tensorboard_dir",
            remedy="install chiasm[tensorboard], or leave the setting out",
        )


class Board:
    """Writes TensorBoard's event files; a run that resumes goes on in the same curves.

    Whoever trains does so without curves too: where they cannot be written, a warning says so once.

    Args:
        folder: Of the run; None writes nothing.
        step: Steps that are done; what a lost run wrote of later ones is not shown.
    """

    def __init__(self, folder: Path | None, step: int) -> None:
        self._folder = folder
        self._writer: Any = None
        if folder is not None:
            with self._given_up():
                # Nobody else needs it, and it takes a second.
                from torch.utils.tensorboard.writer import SummaryWriter

                folder.mkdir(parents=True, exist_ok=True)
                self._writer = SummaryWriter(str(folder), purge_step=step + 1, flush_secs=_FLUSH_S)

    def add(self, step: int, values: Mapping[str, float], group: str) -> None:
        """Figures after a number of steps, as ``group/name``."""
        if self._writer is not None:
            with self._given_up():
                for name, value in values.items():
                    self._writer.add_scalar(f"{group}/{name}", value, step)

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            with self._given_up():
                self._writer.close()

    @contextmanager
    def _given_up(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            # The writer's thread ended with what it met, and hands it to whoever comes next.
            self._writer = None
            _log.warning("no more curves are written to %s: %s", self._folder, error)
