"""The wire between the decoder and its child: a JSON head, then raw bytes."""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

__all__ = ["read_frame", "write_frame"]

_SIZES = struct.Struct("<IQ")


def write_frame(stream: BinaryIO, head: dict[str, Any], *bodies: bytes | memoryview) -> None:
    """Send one frame: sizes of head and body, head, bodies one after the other."""
    encoded = json.dumps(head, separators=(",", ":")).encode()
    _send(stream, _SIZES.pack(len(encoded), sum(len(body) for body in bodies)) + encoded)
    for body in bodies:
        _send(stream, body)
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], bytearray] | None:
    """The next frame's head and body; None when the other side has gone."""
    sizes = _exactly(stream, _SIZES.size)
    if sizes is None:
        return None
    head_size, body_size = _SIZES.unpack(sizes)
    head, body = _exactly(stream, head_size), _exactly(stream, body_size)
    if head is None or body is None:
        return None
    return json.loads(head), body


def _send(stream: BinaryIO, data: bytes | memoryview) -> None:
    # An unbuffered pipe may take a part only.
    view = memoryview(data)
    while view:
        view = view[stream.write(view) :]


def _exactly(stream: BinaryIO, count: int) -> bytearray | None:
    """`count` bytes in a buffer of their own, which arrays may view without a copy; None at the end."""
    buffer = bytearray(count)
    view, done = memoryview(buffer), 0
    while done < count:
        got = stream.readinto(view[done:])  # type: ignore[attr-defined]
        if not got:
            return None
        done += got
    return buffer
