"""Baseline for sounds: the nearest clips by the audio encoder, their classes, and the bridge to emoji."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.shared_data import read_lines
from chiasm_encoders import Waveform, load_encoder

__all__ = ["sound_baseline"]


def sound_baseline(home: Path, release: Path, sounds: Path, *, valid: bool) -> dict[str, np.ndarray]:
    """Class of the nearest clip, and emoji of the classes of the nearest clips in order, per query."""
    from benchmarks.catalogue import sound_queries

    encoder = load_encoder(f"student:{release}/audio")
    clips = [r for r in read_lines(sounds / "sounds.jsonl") if not (valid and r["attributes"]["fold"] == 4)]
    base = encoder.encode([_wave(sounds / r["audio"][0]) for r in clips])
    queries = sound_queries(sounds, valid=valid)
    scores = encoder.encode([_wave(sounds / q["audio"]) for q in queries]) @ base.T
    depicted = defaultdict(list)
    for line in (sounds / "bridge.tsv").read_text(encoding="utf-8").splitlines():
        emoji, _, sound_class = line.split("\t")[:3]
        depicted[sound_class].append(emoji)
    first, within = [], []
    for query, row in zip(queries, scores, strict=True):
        order = [clips[n] for n in np.argsort(-row)]
        first.append(order[0]["attributes"]["class"] == query["class"])
        found: list[str] = []
        for clip in order:
            for relation in clip["relations"]:
                found += [emoji for emoji in depicted[relation["object"]] if emoji not in found]
        within.append(bool(set(found[:10]) & set(query["expect"])))
    figures = {"audio_class1": np.array(first), "audio_emoji10": np.array(within)}
    return {f"{name}{label}": v for name, v in figures.items() for label in ("_late_fusion", "_best_single")}


def _wave(path: Path) -> Waveform:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return Waveform(samples.mean(axis=1), rate)
