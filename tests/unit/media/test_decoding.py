"""Pictures and sounds: what is read, what is refused, and what a crash costs."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import soundfile
from PIL import Image

from chiasm.errors import MediaError
from chiasm.media import Decoder, MediaLimits, decode_audio, decode_image, sniff


def picture(form: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (6, 4), **options: object) -> bytes:
    colour = {
        "RGB": (250, 10, 10),
        "RGBA": (250, 10, 10, 0),
        "L": 90,
        "P": 3,
        "CMYK": (0, 255, 255, 0),
        "1": 1,
    }
    out = io.BytesIO()
    Image.new(mode, size, colour[mode]).save(out, form, **options)
    return out.getvalue()


def sound(form: str = "WAV", rate: int = 8000, channels: int = 1, frames: int = 800, **options: str) -> bytes:
    out = io.BytesIO()
    wave = np.sin(np.arange(frames) / 5.0).astype(np.float32)[:, None].repeat(channels, 1) * 0.5
    soundfile.write(out, wave, rate, format=form, **options)
    return out.getvalue()


def bomb(width: int = 50_000, height: int = 50_000) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 9999)) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder(MediaLimits(max_seconds=5, max_pixels=1_000_000, max_bytes=2_000_000)) as made:
        yield made


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_picture_format(decoder: Decoder, form: str) -> None:
    pixels = decoder.decode_image(picture(form))
    assert pixels.shape == (4, 6, 3) and pixels.dtype == np.uint8
    assert abs(int(pixels[0, 0, 0]) - 250) < 8 and pixels[0, 0, 1] < 30
    np.testing.assert_array_equal(pixels, decode_image(picture(form)))


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("WAV", {}),
        ("FLAC", {}),
        ("OGG", {"subtype": "VORBIS"}),
        ("MP3", {}),
        ("AIFF", {}),
        ("WAV", {"subtype": "FLOAT"}),
    ],
)
def test_every_sound_format(decoder: Decoder, form: str, options: dict[str, str]) -> None:
    wave = decoder.decode_audio(sound(form, channels=2, frames=8000, **options))
    assert wave.sample_rate_hz == 8000 and wave.samples.dtype == np.float32
    assert abs(len(wave.samples) - 8000) < 1500 and 0.3 < float(np.abs(wave.samples).max()) < 0.7
    np.testing.assert_array_equal(
        wave.samples, decode_audio(sound(form, channels=2, frames=8000, **options)).samples
    )


def test_transparency_lies_over_white_and_orientation_is_applied(decoder: Decoder) -> None:
    assert (decoder.decode_image(picture(mode="RGBA")) == 255).all()
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decoder.decode_image(picture("JPEG", exif=exif)).shape == (6, 4, 3)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1"])
def test_other_colour_modes(decoder: Decoder, mode: str) -> None:
    form = "JPEG" if mode == "CMYK" else "PNG"
    assert decoder.decode_image(picture(form, mode)).shape == (4, 6, 3)


def test_sixteen_bits_are_scaled_not_cut(decoder: Decoder) -> None:
    out = io.BytesIO()
    Image.fromarray(np.linspace(0, 65535, 256, dtype=np.uint16).reshape(16, 16)).save(out, "PNG")
    pixels = decoder.decode_image(out.getvalue())
    assert pixels.min() == 0 and pixels.max() == 255 and 120 < pixels.mean() < 135


def test_shrinking(decoder: Decoder) -> None:
    assert decoder.decode_images([picture("JPEG", size=(800, 400))], max_side=100)[0].shape == (50, 100, 3)


BAD_PICTURES: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty file"),
    "text": (lambda: b"hello, I am a text", "not a picture that can be read"),
    "sound": (lambda: sound(), "the content is WAV"),
    "cut": (lambda: picture("PNG", size=(300, 300))[:150], "damaged"),
    "cut jpeg": (lambda: picture("JPEG", size=(300, 300))[:700], "damaged"),
    "head only": (lambda: b"\x89PNG\r\n\x1a\n", "damaged"),
    "rubbish after magic": (lambda: b"GIF89a" + b"\xff" * 80, "damaged"),
    "svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
    "postscript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n", "not a picture"),
    "too many pixels": (lambda: picture(size=(1500, 1500)), "more than 1000000"),
    "bomb": (lambda: bomb(), "pixels"),
    "bomb just below the size that Pillow refuses": (lambda: bomb(9000, 9000), "more than 1000000"),
    "too many bytes": (lambda: picture() + b"\0" * 3_000_000, "more than 2000000"),
}


@pytest.mark.parametrize("name", sorted(BAD_PICTURES))
def test_bad_picture(decoder: Decoder, name: str) -> None:
    make, message = BAD_PICTURES[name]
    with pytest.raises(MediaError, match=message) as caught:
        decoder.decode_image(make())
    assert caught.value.remedy


BAD_SOUNDS: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty file": (lambda: b"", "empty file"),
    "no samples": (lambda: sound(frames=0), "no samples"),
    "picture": (lambda: picture(), "the content is PNG"),
    "text": (lambda: b"RIFF....but no sound at all", "not a sound that can be read"),
    "cut": (lambda: sound("FLAC", frames=9000)[:60], "damaged|empty"),
    "rubbish after magic": (lambda: b"OggS" + b"\xff" * 80, "damaged"),
    "too long": (lambda: sound(frames=8000 * 6), "longer than 5 s"),
    "not a number": (
        lambda: sound(subtype="FLOAT")[:-4] + struct.pack("<f", float("nan")),
        "no numbers",
    ),
}


@pytest.mark.parametrize("name", sorted(BAD_SOUNDS))
def test_bad_sound(decoder: Decoder, name: str) -> None:
    make, message = BAD_SOUNDS[name]
    with pytest.raises(MediaError, match=message) as caught:
        decoder.decode_audio(make())
    assert caught.value.remedy


def test_a_bad_one_fails_alone_in_a_batch(decoder: Decoder) -> None:
    good, bad = picture(), picture()[:40]
    answers = decoder.decode_images([good] * 70 + [bad] + [good] * 70)
    assert [i for i, answer in enumerate(answers) if isinstance(answer, MediaError)] == [70]


def test_a_crash_costs_one_medium_and_the_child_comes_back() -> None:
    # Too little address space for this one picture: the child reports it, or dies of it; never the parent.
    with Decoder(MediaLimits(address_space_bytes=700 * 2**20, max_pixels=10**9)) as small:
        answers = small.decode_images([picture(), picture("GIF", "P", size=(15_000, 15_000)), picture()])
        assert [isinstance(answer, MediaError) for answer in answers] == [False, True, False]
        os.kill(small._child.pid, 9)  # type: ignore[union-attr]
        assert small.decode_image(picture()).shape == (4, 6, 3)


def test_wall_clock_limit(decoder: Decoder) -> None:
    with Decoder(MediaLimits(wall_s=0.2)) as quick:
        quick.decode_image(picture())
        os.kill(quick._child.pid, 19)  # type: ignore[union-attr]
        with pytest.raises(MediaError, match=r"longer than 0\.2 s"):
            quick.decode_image(picture())
        assert quick.decode_image(picture()).shape == (4, 6, 3)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xff\xfb\x90\x00", "MP3"),
        (b"\xff\xfeh\x00", None),
        (b"ID3\x04", "MP3"),
        (b"FORM\0\0\0\0AIFC", "AIFF"),
        (b"", None),
    ],
)
def test_sniff(data: bytes, expected: str | None) -> None:
    kind = sniff(data)
    assert (kind.name if kind else None) == expected
