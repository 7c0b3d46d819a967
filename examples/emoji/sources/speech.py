"""Spoken names, made by espeak-ng."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

__all__ = ["JUDGING_VOICE", "VOICES", "Utterance", "record"]

#: The voices of the catalogue, and the one that only judges: another accent and another timbre.
VOICES = ("en-us", "en-gb+f3")
JUDGING_VOICE = "en-gb-x-rp+m3"
SAMPLE_RATE_HZ = 16_000

_HEADER_BYTES = 44
#: People differ in pace and pitch; steps around espeak-ng's own defaults (175 words a minute, 50 of 99).
_PACES = (150, 165, 180)
_PITCHES = (42, 50, 58)


@dataclass(frozen=True)
class Utterance:
    """Something to say, by whom, and where the recording goes."""

    text: str
    voice: str
    path: Path


def record(espeak: Path, utterances: Sequence[Utterance], threads: int) -> Iterator[tuple[Utterance, bool]]:
    """Speaks every utterance into a FLAC file (16 kHz, mono).

    Args:
        espeak: The `espeak-ng` program.
        utterances: What to say.
        threads: How many speak at once; the work is done in child processes.

    Yields:
        Each utterance and whether anything could be heard, in the order given.
    """
    with ThreadPoolExecutor(threads) as pool:
        yield from zip(utterances, pool.map(lambda one: _record_one(espeak, one), utterances), strict=True)


def _record_one(espeak: Path, utterance: Utterance) -> bool:
    # The same name in the same voice always sounds the same: the choice is a hash, not a draw.
    choice = hashlib.sha256(f"{utterance.voice} {utterance.text}".encode()).digest()
    pace, pitch = _PACES[choice[0] % len(_PACES)], _PITCHES[choice[1] % len(_PITCHES)]
    command = [str(espeak), "-z", "-v", utterance.voice, "-s", str(pace), "-p", str(pitch), "--stdout", "--"]
    wave = subprocess.run([*command, utterance.text], capture_output=True, check=False).stdout
    if len(wave) <= _HEADER_BYTES:
        return False
    # Written to a pipe, the header's lengths are placeholders; only its sample rate can be trusted.
    rate_hz = int.from_bytes(wave[24:28], "little")
    samples = np.frombuffer(wave[_HEADER_BYTES : len(wave) & ~1], dtype="<i2")
    if not samples.any():
        return False
    # FLAC, not Ogg: an Ogg stream carries a random serial number, and the catalogue is to be reproducible.
    soundfile.write(
        utterance.path, soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ), SAMPLE_RATE_HZ, format="FLAC"
    )
    return True
