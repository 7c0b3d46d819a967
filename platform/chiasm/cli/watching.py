"""`chiasm ingest --watch`: one job for what is new in a folder, look after look."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Any

from chiasm.cli.frame import Frame
from chiasm.errors import ChiasmError, JobFailed, NotFoundError

if TYPE_CHECKING:
    from chiasm.ingest.watch import FolderWatch

__all__ = ["follow_folder"]


def follow_folder(frame: Frame, folder: Path, *, domain: str | None, mode: str, every_s: float) -> None:
    """Ingest what comes into the folder until Ctrl-C, which is its ordinary end.

    Args:
        frame: Where it speaks; with `--json` one line for each job.
        folder: What to follow.
        domain: Domain of lines that name none.
        mode: update or replace.
        every_s: Seconds between two looks.

    Raises:
        NotFoundError: There is no such folder.
    """
    from chiasm.ingest.watch import FolderWatch

    if not folder.is_dir():
        raise NotFoundError("there is no such folder", where=str(folder), remedy="make it, then follow it")
    watch = FolderWatch(folder)
    frame.note(f"following {folder}; Ctrl-C ends it")
    try:
        with _interruptible() as ended:
            _follow(frame, watch, ended, domain=domain, mode=mode, every_s=every_s)
    except KeyboardInterrupt:
        if frame.waiting_for is not None:
            frame.note(f"job {frame.waiting_for} goes on; see `chiasm jobs show {frame.waiting_for}`")
    frame.note("ended")


def _follow(
    frame: Frame, watch: FolderWatch, ended: Event, *, domain: str | None, mode: str, every_s: float
) -> None:
    while not ended.is_set():
        fresh, wrong = watch.look()
        for path, error in wrong:
            _say_wrong(frame, path, error)
        if fresh:
            _ingest(frame, fresh, domain, mode)
        ended.wait(every_s)


@contextmanager
def _interruptible() -> Iterator[Event]:
    """An event that Ctrl-C sets, besides interrupting.

    An interrupt that comes while a finaliser runs is lost: Python prints and drops what is raised there.
    """
    ended = Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        ended.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield ended
    finally:
        signal.signal(signal.SIGINT, before)


def _ingest(frame: Frame, paths: list[Path], domain: str | None, mode: str) -> None:
    from chiasm.cli.waiting import wait_for

    try:
        job = frame.knowledge_base().ingest(paths, domain=domain, mode=mode)
    except ChiasmError as error:
        # A file that went away or changed between the look and now comes again, if it comes at all.
        frame.note(f"failed: {error}")
        return
    try:
        wait_for(frame, job)
    except JobFailed as error:
        frame.waiting_for = None
        frame.note(f"failed: {error}")
    now = job.progress
    answer: dict[str, Any] = {"job": job.id, "state": now.state, "paths": [str(path) for path in paths]}
    answer |= {"result": dict(now.result), "failures": now.failures}
    if frame.as_json:
        frame.line(answer)
        return
    names = ", ".join(path.name for path in paths[:5]) + (" ..." if len(paths) > 5 else "")
    counts = ", ".join(
        f"{value} {name}" for name, value in now.result.items() if isinstance(value, int) and value
    )
    frame.out().print(f"{names}: {counts or 'nothing new'}")
    for failure in job.failures[:5]:
        frame.note(f"failed: {failure}")


def _say_wrong(frame: Frame, path: Path, error: ChiasmError) -> None:
    if frame.as_json:
        frame.line({"path": str(path), **error.to_dict()})
    else:
        frame.note(f"failed: {path.name}: {error}")
