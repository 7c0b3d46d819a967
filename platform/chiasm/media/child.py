"""The decoding child: limited in memory, processor time and files; ends with its parent.

Started as `python -m chiasm.media.child`; it imports numpy, Pillow and soundfile and nothing heavier.
"""

from __future__ import annotations

import os
import resource
import select
import warnings
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from chiasm.errors import MediaError
from chiasm.media.frames import read_frame, write_frame
from chiasm.media.limits import MediaLimits
from chiasm.media.pictures import decode_image
from chiasm.media.sounds import read_samples

__all__ = ["main"]

#: How often an idle child looks whether its parent still lives.
_ORPHAN_CHECK_S = 2.0


def main() -> None:
    """Answer requests on stdin until it closes or the parent is gone."""
    requests, answers = os.fdopen(0, "rb", buffering=0, closefd=False), os.fdopen(os.dup(1), "wb")
    # A library that prints must not write into the answers.
    os.dup2(2, 1)
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    first = read_frame(requests)
    if first is None:
        return
    limits = MediaLimits(**first[0])
    _confine(limits)
    parent = os.getppid()
    write_frame(answers, {"ready": True})
    while _wait(requests, parent):
        request = read_frame(requests)
        if request is None:
            return
        _serve(answers, limits, *request)


def _confine(limits: MediaLimits) -> None:
    space = limits.address_space_bytes
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Nothing is written to disk here.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))


def _wait(requests: BinaryIO, parent: int) -> bool:
    """Until a request is there; False when the parent is gone.

    The pipe alone does not tell: a process forked from the parent may hold its other end open.
    """
    while not select.select([requests], [], [], _ORPHAN_CHECK_S)[0]:
        if os.getppid() != parent:
            return False
    return True


def _serve(answers: BinaryIO, limits: MediaLimits, head: dict[str, Any], body: bytearray) -> None:
    start = 0
    for size in head["sizes"]:
        data = bytes(memoryview(body)[start : start + size])
        start += size
        _allow_cpu(limits.cpu_s)
        try:
            array, about = _decode(head, data, limits)
        except MediaError as error:
            write_frame(answers, {"what": error.what, "remedy": error.remedy})
        else:
            write_frame(answers, about, np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def _decode(head: dict[str, Any], data: bytes, limits: MediaLimits) -> tuple[NDArray[Any], dict[str, Any]]:
    if head["modality"] == "image":
        pixels = decode_image(data, limits=limits, max_side=head["max_side"])
        return pixels, {"shape": pixels.shape}
    samples, rate = read_samples(data, limits=limits)
    return samples, {"shape": samples.shape, "sample_rate_hz": rate}


def _allow_cpu(seconds: int) -> None:
    """Move the soft limit ahead of what is used; beyond it the kernel ends the child (SIGXCPU)."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = used + seconds + 1
    resource.setrlimit(
        resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)
    )


if __name__ == "__main__":
    main()
