"""Decoding in a warm, limited child process: what crashes there fails alone."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from chiasm.errors import ChiasmError, MediaError
from chiasm.media.frames import read_frame, write_frame
from chiasm.media.limits import MediaLimits

if TYPE_CHECKING:
    from chiasm_encoders.waveform import Waveform

__all__ = ["Decoder"]

_T = TypeVar("_T")

#: Media sent together: few, so that little is sent again after a crash; bytes bound the child's memory.
_BATCH_ITEMS = 64
_BATCH_BYTES = 32 * 2**20
#: Interpreter and imports, on a machine that is busy.
_START_S = 60.0


class Decoder:
    """Decodes as `decode_image` and `decode_audio` do, in a child that may die without harm.

    The child is an ordinary program, not a fork: it can be started from daemonic and threaded processes.
    It is started when first needed and again after a crash; the medium it died of fails with `MediaError`.
    """

    def __init__(self, limits: MediaLimits | None = None) -> None:
        self.limits = limits or MediaLimits()
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._owner_pid = 0

    def decode_image(self, data: bytes, *, max_side: int | None = None) -> NDArray[np.uint8]:
        """The picture, (height, width, 3) uint8 RGB; raises MediaError."""
        return _or_raise(self.decode_images([data], max_side=max_side)[0])

    def decode_audio(self, data: bytes) -> Waveform:
        """The sound, mono at its own rate; raises MediaError."""
        return _or_raise(self.decode_audios([data])[0])

    def decode_images(
        self, items: Sequence[bytes], *, max_side: int | None = None
    ) -> list[NDArray[np.uint8] | MediaError]:
        """Each picture, (height, width, 3) uint8 RGB, or why it cannot be had."""
        return [
            answer if isinstance(answer, MediaError) else answer[0]
            for answer in self._all("image", items, max_side)
        ]

    def decode_audios(self, items: Sequence[bytes]) -> list[Waveform | MediaError]:
        """Each sound, or why it cannot be had."""
        from chiasm_encoders.waveform import Waveform

        return [
            answer if isinstance(answer, MediaError) else Waveform(answer[0], answer[1]["sample_rate_hz"])
            for answer in self._all("audio", items, None)
        ]

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._end()

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        self._end()

    def _all(
        self, modality: str, items: Sequence[bytes], max_side: int | None
    ) -> list[MediaError | tuple[NDArray[Any], dict[str, Any]]]:
        answers: list[MediaError | tuple[NDArray[Any], dict[str, Any]]] = []
        with self._lock:
            for batch in _batches(items, self.limits.max_bytes):
                done = 0
                while done < len(batch):
                    got = self._exchange(modality, batch[done:], max_side)
                    done += len(got)
                    answers.extend(got)
        return answers

    def _exchange(
        self, modality: str, batch: Sequence[bytes], max_side: int | None, *, again: bool = True
    ) -> list[MediaError | tuple[NDArray[Any], dict[str, Any]]]:
        """Answers for the first media of the batch: all, or up to the one that the child died of."""
        child = self._start()
        requests, replies = cast(BinaryIO, child.stdin), cast(BinaryIO, child.stdout)
        # Too large ones are refused by their size alone: the child sees their head only.
        cut = [data[: self.limits.max_bytes + 1] for data in batch]
        head = {"modality": modality, "max_side": max_side, "sizes": [len(data) for data in cut]}
        answers: list[MediaError | tuple[NDArray[Any], dict[str, Any]]] = []
        # A broken pipe: it died while it was being written to, before it answered anything.
        with suppress(BrokenPipeError):
            write_frame(requests, head, *cut)
            for _ in batch:
                reply = self._reply(replies, self.limits.wall_s)
                if reply is None:
                    break
                answers.append(_answer(modality, *reply))
        if len(answers) == len(batch):
            return answers
        status = self._bury()
        if again and status not in (None, -signal.SIGXCPU):
            # It may have been killed from outside, for want of memory say: alone in a fresh child it shows.
            suspect = batch[len(answers) : len(answers) + 1]
            return answers + self._exchange(modality, suspect, max_side, again=False)
        return [
            *answers,
            MediaError(f"decoding the {modality} {self._reason(status)}", remedy="replace the file"),
        ]

    def _reply(self, replies: BinaryIO, wait_s: float) -> tuple[dict[str, Any], bytearray] | None:
        ready, _, _ = select.select([replies], [], [], wait_s)
        return read_frame(replies) if ready else None

    def _bury(self) -> int | None:
        """End the child; its exit status, None if it was still at work."""
        child = cast("subprocess.Popen[bytes]", self._child)
        ended = _exits_soon(child)
        self._end()
        return child.returncode if ended else None

    def _reason(self, status: int | None) -> str:
        if status is None:
            return f"took longer than {self.limits.wall_s:g} s"
        if status == -signal.SIGXCPU:
            return f"took more than {self.limits.cpu_s} s of processor time"
        return f"ended the decoder (status {status})"

    def _start(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._owner_pid != os.getpid():
            # We were forked: the child belongs to our parent, and so do its pipes.
            self._child.returncode = 0
            self._child = None
        if self._child is not None and self._child.poll() is not None:
            self._end()
        if self._child is None:
            self._child = self._new_child()
        return self._child

    def _new_child(self) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-m", "chiasm.media.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd="/",
            env=_environment(),
        )
        self._child, self._owner_pid = child, os.getpid()
        write_frame(cast(BinaryIO, child.stdin), asdict(self.limits))
        if self._reply(cast(BinaryIO, child.stdout), _START_S) is None:
            status = self._bury()
            raise ChiasmError(
                f"the decoder cannot be started (status {status})", remedy="see its message on stderr"
            )
        return child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None or self._owner_pid != os.getpid():
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()


def _environment() -> dict[str, str]:
    """No secrets of ours; the same import path; no thread pools that eat address space."""
    kept = {
        name: os.environ[name]
        for name in ("PATH", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT")
        if name in os.environ
    }
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def _batches(items: Sequence[bytes], max_bytes: int) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for data in items:
        if batch and (len(batch) >= _BATCH_ITEMS or size + len(data) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(data)
        size += min(len(data), max_bytes)
    if batch:
        yield batch


def _answer(
    modality: str, head: dict[str, Any], body: bytearray
) -> MediaError | tuple[NDArray[Any], dict[str, Any]]:
    if "what" in head:
        return MediaError(head["what"], remedy=head["remedy"])
    dtype = np.uint8 if modality == "image" else np.float32
    return np.frombuffer(body, dtype=dtype).reshape(head["shape"]), head


def _exits_soon(child: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        if child.poll() is not None:
            return True
        time.sleep(0.01)
    return False


def _or_raise(answer: _T | MediaError) -> _T:
    if isinstance(answer, MediaError):
        raise answer
    return answer
