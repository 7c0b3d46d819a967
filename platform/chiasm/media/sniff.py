"""What a file is, by its content; names are not believed."""

from __future__ import annotations

from dataclasses import dataclass

from chiasm.errors import MediaError

__all__ = ["MediaType", "require", "sniff"]


@dataclass(frozen=True)
class MediaType:
    """A format that is decoded."""

    #: image or audio.
    modality: str
    #: Name that Pillow and users know it by.
    name: str
    mime: str


_PNG = MediaType("image", "PNG", "image/png")
_JPEG = MediaType("image", "JPEG", "image/jpeg")
_WEBP = MediaType("image", "WEBP", "image/webp")
_GIF = MediaType("image", "GIF", "image/gif")
_BMP = MediaType("image", "BMP", "image/bmp")
_TIFF = MediaType("image", "TIFF", "image/tiff")
_WAV = MediaType("audio", "WAV", "audio/wav")
_FLAC = MediaType("audio", "FLAC", "audio/flac")
_OGG = MediaType("audio", "OGG", "audio/ogg")
_MP3 = MediaType("audio", "MP3", "audio/mpeg")
_AIFF = MediaType("audio", "AIFF", "audio/aiff")

_STARTS = (
    (b"\x89PNG\r\n\x1a\n", _PNG),
    (b"\xff\xd8\xff", _JPEG),
    (b"GIF87a", _GIF),
    (b"GIF89a", _GIF),
    (b"BM", _BMP),
    (b"II*\x00", _TIFF),
    (b"MM\x00*", _TIFF),
    (b"fLaC", _FLAC),
    (b"OggS", _OGG),
    (b"ID3", _MP3),
)
#: Container, form at byte 8.
_FORMS = {
    (b"RIFF", b"WEBP"): _WEBP,
    (b"RIFF", b"WAVE"): _WAV,
    (b"RF64", b"WAVE"): _WAV,
    (b"FORM", b"AIFF"): _AIFF,
    (b"FORM", b"AIFC"): _AIFF,
}
_ACCEPTED = {"image": "PNG, JPEG, WebP, GIF, BMP or TIFF", "audio": "WAV, FLAC, OGG, MP3 or AIFF"}
_NOUNS = {"image": "picture", "audio": "sound"}


def sniff(data: bytes) -> MediaType | None:
    """The format by its first bytes; None if it is none that is decoded."""
    for start, kind in _STARTS:
        if data.startswith(start):
            return kind
    form = _FORMS.get((bytes(data[:4]), bytes(data[8:12])))
    if form is not None:
        return form
    # An MPEG frame: eleven set bits, then layer III.
    if len(data) > 2 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0 and data[1] & 0x06 == 0x02:
        return _MP3
    return None


def require(data: bytes, modality: str) -> MediaType:
    """The format of a medium that must be of this modality.

    Raises:
        MediaError: It is empty, of another modality, or of no known format.
    """
    noun = _NOUNS[modality]
    if not data:
        raise MediaError(f"the {noun} is an empty file", remedy="replace the file")
    kind = sniff(data)
    if kind is None:
        raise MediaError(
            f"not a {noun} that can be read: the content begins with {bytes(data[:8])!r}",
            remedy=f"use {_ACCEPTED[modality]}",
        )
    if kind.modality != modality:
        raise MediaError(
            f"not a {noun}: the content is {kind.name}, a {_NOUNS[kind.modality]}",
            remedy=f"list it under {kind.modality!r} instead",
        )
    return kind
