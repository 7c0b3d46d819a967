"""What raw pixels and raw spectrograms say about digits: neighbours, and a linear map from one to the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch
from PIL import Image
from torch.nn import functional

from benchmarks.pairing.files import Split, digit_of, things
from chiasm.fusion.anchors import ridge_map
from chiasm_encoders.audio.log_mel import LogMel

__all__ = ["raw_answers"]

_BANDS, _FRAMES = 40, 24


def raw_answers(files: Split) -> dict[str, np.ndarray]:
    """Right or wrong of each query, by row, ``(queries,)``; the training files are what the trained home had."""
    known = {suffix: [path for path in files.known if path.suffix == suffix] for suffix in (".png", ".wav")}
    seen, heard = pixels(known[".png"]), spectrograms(known[".wav"])
    digits = {suffix: _digits(paths) for suffix, paths in known.items()}
    pictures, takes = pixels(files.pictures), spectrograms(files.takes)
    right_pictures, right_takes = _digits(files.pictures), _digits(files.takes)
    answers: dict[str, np.ndarray] = {}
    # The only bridge is the pairs: each training item is mapped to the mean of its digit in the other modality.
    middles = {s: _middles(v, digits[s]) for s, v in ((".png", seen), (".wav", heard))}
    for name, query, gallery, source, target in (
        ("spoken_to_handwritten", (takes, right_takes), (pictures, right_pictures), ".wav", ".png"),
        ("handwritten_to_spoken", (pictures, right_pictures), (takes, right_takes), ".png", ".wav"),
    ):
        base = heard if source == ".wav" else seen
        matrix = ridge_map(base, middles[target][digits[source]])
        nearest = (_unit(query[0] @ matrix.T) @ gallery[0].T).argmax(1)
        answers[f"{name}_hit1_raw"] = gallery[1][nearest] == query[1]
    pairs = things(files)
    at = {path: place for place, path in enumerate([*files.pictures])}
    spoken = {path: place for place, path in enumerate(files.takes)}
    by_image = _by_digit(pictures @ seen.T, digits[".png"])[[at[picture] for picture, _ in pairs]]
    by_sound = _by_digit(takes @ heard.T, digits[".wav"])[[spoken[take] for _, take in pairs]]
    truth = _digits([picture for picture, _ in pairs])
    for label, scores in (("_image", by_image), ("_audio", by_sound), ("_late_fusion", by_image + by_sound)):
        answers[f"fused_class{label}_raw"] = scores.argmax(1) == truth
    return answers


def pixels(paths: Sequence[Path]) -> np.ndarray:
    """Centred unit vectors of pictures, ``(files, 784)``."""
    rows = [np.asarray(Image.open(path).convert("L").resize((28, 28)), np.float32).ravel() for path in paths]
    return _unit(np.stack(rows))


def spectrograms(paths: Sequence[Path]) -> np.ndarray:
    """Centred unit vectors of log-mel spectrograms stretched to one length, ``(files, bands * frames)``."""
    rows = []
    for path in paths:
        samples, rate = soundfile.read(path, dtype="float32")
        grid = LogMel(rate, mels=_BANDS, window=256, hop=80)(
            torch.from_numpy(samples)[None]
        )  # (1, bands, frames)
        rows.append(functional.interpolate(grid, _FRAMES, mode="linear").flatten().numpy())
    found = np.stack(rows)
    return _unit(found - found.mean(1, keepdims=True))


def _by_digit(cosines: np.ndarray, digits: np.ndarray) -> np.ndarray:
    """The nearest neighbour of each digit, ``(queries, 10)``."""
    return np.stack([cosines[:, digits == digit].max(1) for digit in range(10)], axis=1)


def _middles(rows: np.ndarray, digits: np.ndarray) -> np.ndarray:
    return _unit(np.stack([rows[digits == digit].mean(0) for digit in range(10)]))


def _digits(paths: Sequence[Path]) -> np.ndarray:
    return np.array([digit_of(path) for path in paths])


def _unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)
