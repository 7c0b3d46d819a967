"""Seconds from handing in a new entity until it is found by its text, picture, sound and neighbours.

    python -m benchmarks.freshness [--home HOME] [--rounds 5] [--json FILE]

HOME is one of `benchmarks.catalogue --keep` (the full catalogue, trained). Without it a small catalogue is
made of the first sounds and emoji and trained briefly: what is timed does not depend on how well. The first
round starts the worker and loads the models (cold), the others find them there (warm).
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image

import chiasm
from benchmarks.rows import Row, print_rows, write_rows
from benchmarks.shared_data import read_lines, shared_data

_BRIEF = {
    "encoders.text_tuning": "{steps: 2}",
    "encoders.image.student": "{max_steps: 10}",
    "encoders.audio.student": "{max_steps: 10}",
    "training.epochs": "1",
}
_SOME = 100


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="chiasm-freshness-"))
    try:
        with chiasm.open(args.home or _small_home(work)) as kb:
            times = [_round(kb, work, number) for number in range(args.rounds + 1)]
    finally:
        shutil.rmtree(work, ignore_errors=True)
    warm = times[1:]
    rows = [
        Row("fresh_cold_s", times[0], unit="s", target="<= 10"),
        Row(
            "fresh_s",
            statistics.median(warm),
            unit="s",
            target="<= 10",
            spread=(min(warm), max(warm)),
            n=len(warm),
        ),
    ]
    print_rows(rows)
    write_rows(rows, args.json)


def _small_home(work: Path) -> Path:
    data = shared_data()
    with chiasm.open(work / "home") as kb:
        for path, folder in ((data / "emoji/emoji.jsonl", "png"), (data / "sounds/sounds.jsonl", "ogg")):
            target = work / path.stem
            target.mkdir()
            shutil.copytree(path.parent / folder, target / folder)
            lines = [json.dumps(record) for record in read_lines(path)[:_SOME]]
            (target / path.name).write_text("\n".join(lines), encoding="utf-8")
            kb.ingest(target / path.name).wait()
        kb.train(overrides=_BRIEF, promote="force").wait()
    return work / "home"


def _round(kb: Any, work: Path, number: int) -> float:
    """Seconds until all four ways find the entity; ends the program if one does not within a minute."""
    folder, key = work / f"round-{number}", f"fresh:{time.time_ns()}"
    folder.mkdir()
    generator = np.random.default_rng(time.time_ns())
    blocks = generator.integers(0, 255, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(blocks).resize((64, 64), Image.Resampling.NEAREST).save(folder / "picture.png")
    tone = np.sin(np.arange(32_000) * generator.uniform(0.05, 0.6)) * generator.uniform(0.2, 0.9)
    soundfile.write(folder / "sound.wav", tone.astype(np.float32), 16_000)
    word = "".join(generator.choice(list("bdfgklmnprst"), 9))
    relation = {"predicate": "seen_with", "object": next(kb.entities(domain="emoji"))["key"]}
    record = {
        "key": key,
        "domain": "fresh",
        "title": f"the {word} thing",
        "image": ["picture.png"],
        "audio": ["sound.wav"],
        "relations": [relation],
    }
    (folder / "one.jsonl").write_text(json.dumps(record), encoding="utf-8")
    started = time.perf_counter()
    kb.ingest(folder / "one.jsonl").wait()
    asked = {
        "text": {"text": f"the {word} thing"},
        "image": {"image": folder / "picture.png"},
        "audio": {"audio": folder / "sound.wav"},
        "neighbour": {"text": "thing", "near": relation["object"]},
    }
    while asked:
        asked = {
            n: q
            for n, q in asked.items()
            if key not in [hit.key for hit in kb.search(**q, into="fresh", k=10)]
        }
        if time.perf_counter() - started > 60:
            raise SystemExit(f"not found by {', '.join(asked)}")
    took = time.perf_counter() - started
    kb.delete(key)
    return took


if __name__ == "__main__":
    main()
