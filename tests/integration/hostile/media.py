"""Pictures and sounds that lie, swell or end too early."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import soundfile
from PIL import Image

__all__ = ["PICTURES", "SOUNDS", "png"]


def png(side: int = 8) -> bytes:
    return _picture("PNG", side)


def _picture(form: str, side: int = 64) -> bytes:
    pixels = np.random.default_rng(side).integers(0, 255, (side, side, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form)
    return out.getvalue()


def _sound(form: str, frames: int = 4000, **options: str) -> bytes:
    out = io.BytesIO()
    wave = np.sin(np.arange(frames) / 5.0).astype(np.float32) * 0.5
    soundfile.write(out, wave, 8000, format=form, **options)
    return out.getvalue()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png_of(width: int, height: int, *extra: bytes) -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = _chunk(b"IDAT", zlib.compress(bytes(100_000), 9))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + data + _chunk(b"IEND", b"")


def _tiff(width: int, height: int, *, next_ifd: int = 0) -> bytes:
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8)]
    tags += [(277, 3, 1), (278, 4, height), (279, 4, 2**31)]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\x00" + struct.pack("<IH", 8, len(tags)) + body + struct.pack("<I", next_ifd)


def _wav(channels: int, rate: int, size: int) -> bytes:
    form = struct.pack("<HHIIHH", 1, channels, rate, (rate * channels * 2) % 2**32, 2 * channels % 2**16, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 2**32 - 1)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + (b"data" + struct.pack("<I", size) + bytes(4000))
    )


def _flac() -> bytes:
    """A stream that says it has 2^36 samples."""
    whole = bytearray(_sound("FLAC"))
    whole[21] |= 0x0F
    whole[22:26] = b"\xff" * 4
    return bytes(whole)


def _text_bomb() -> bytes:
    return _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000), 9))


_WEBP = b"RIFF" + struct.pack("<I", 30) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\0" * 4 + b"\xff\x3f\0" * 2
_BMP = b"BM" + struct.pack("<IHHIIiiHHIIiiII", 1000, 0, 0, 54, 40, 2**30, -(2**30), 1, 24, 0, 0, 0, 0, 0, 0)
_SVG = (
    b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1/"/><text>&x;</text></svg>'
)

_BOMB = "pixels|memory|damaged"
_OTHER = "not a (picture|sound)"
#: Content, and what is said of it; None: it may also be taken for what is left of it.
PICTURES: dict[str, tuple[bytes, str | None]] = {
    "png of 50,000 x 50,000": (_png_of(50_000, 50_000), _BOMB),
    "png one row beyond the limit": (_png_of(8_000, 8_001), _BOMB),
    "png of no size": (_png_of(0, 0), "damaged"),
    "png with a packed comment of 200 MB": (_png_of(64, 64, _text_bomb()), None),
    "png with a broken checksum": (png()[:40] + b"\0\0\0\0" + png()[44:], "damaged"),
    "gif of 65,535 x 65,535": (
        b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(60),
        _BOMB,
    ),
    "tiff of 2^31 x 2^31": (_tiff(2**31 - 1, 2**31 - 1), _BOMB),
    "tiff whose pages go in a circle": (_tiff(64, 64, next_ifd=8), None),
    "tiff with a strip of 2 GB": (_tiff(1000, 1000), "damaged"),
    "webp of 16,384 x 16,384": (_WEBP, _BOMB),
    "bmp of 2^30 x -2^30": (_BMP, _BOMB),
    "jpeg of 65,500 x 65,500": (
        _picture("JPEG").replace(struct.pack(">HH", 64, 64), struct.pack(">HH", 65500, 65500), 1),
        _BOMB,
    ),
    **{
        f"{form} cut in the middle": (_picture(form)[: len(_picture(form)) // 2], "damaged")
        for form in ("PNG", "JPEG", "GIF", "WEBP", "TIFF")
    },
    "bmp cut in the middle": (_picture("BMP")[:3000], None),
    "jpeg head alone": (b"\xff\xd8\xff\xe0", "damaged"),
    "svg with an external entity": (_SVG, _OTHER),
    "html": (b"<!doctype html><script>fetch('/')</script>", _OTHER),
    "pdf": (b"%PDF-1.7\n1 0 obj", _OTHER),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file", _OTHER),
    "program": (b"\x7fELF\x02\x01\x01" + bytes(64), _OTHER),
    "zip": (b"PK\x03\x04" + bytes(64), _OTHER),
    "sound under a picture's name": (_sound("WAV"), _OTHER),
    "nothing": (b"", "empty file"),
    "zeros": (bytes(4096), _OTHER),
}
SOUNDS: dict[str, tuple[bytes, str | None]] = {
    "wav of 4 GB in 4 kB": (_wav(1, 8000, 2**32 - 1), None),
    "wav with 65,535 channels": (_wav(65_535, 8000, 4000), "channels|damaged"),
    "wav without channels": (_wav(0, 8000, 4000), "channels|damaged"),
    "wav of 4 GHz": (_wav(1, 2**32 - 1, 4000), "Hz|damaged"),
    "wav of 0 Hz": (_wav(1, 0, 4000), "Hz|damaged"),
    "wav of no numbers": (
        _sound("WAV", subtype="FLOAT")[:-4] + struct.pack("<f", float("nan")),
        "no numbers",
    ),
    "wav without samples": (_sound("WAV", frames=0), "no samples|empty"),
    "flac of 2^36 samples": (_flac(), None),
    **{f"{form} cut after 200 bytes": (_sound(form)[:200], None) for form in ("WAV", "AIFF", "MP3")},
    **{f"{form} cut after 200 bytes": (_sound(form)[:200], "damaged|empty") for form in ("FLAC", "OGG")},
    "ogg of rubbish": (b"OggS" + b"\xff" * 300, "damaged|empty"),
    "mp3 of rubbish": (b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + b"\xff" * 300, "damaged|empty"),
    "aiff of rubbish": (b"FORM\xff\xff\xff\xffAIFF" + b"\xff" * 300, "damaged|empty"),
    "picture under a sound's name": (png(), _OTHER),
    "midi": (b"MThd\0\0\0\6\0\1\0\1\0\x60", _OTHER),
}
