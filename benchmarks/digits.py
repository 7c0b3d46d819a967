"""Spoken digits find handwritten ones and back, from nothing but what belongs together; leave-one-speaker-out.

    python -m benchmarks.digits [--seeds 3] [--speaker-seeds 1] [--json FILE]

A home gets ten records without a word: each has the training pictures and the training takes of one digit. That one
record owns them is all that training is told ("same digit" pairs); which digit it is stands nowhere but in the key,
which no model reads. The recipe `offline` then trains both students from these pairs (`encoders.pairs`), the
fusion model on top (views: a picture or a take of an entity must find the rest of it), and builds the release. Only
then test pictures and test takes (0 to 9) are ingested, each as an entity of its own, and asked for:

- `spoken_to_handwritten_hit1`: a take is asked `into` the 1,000 test pictures; right if the first is of its digit;
- `handwritten_to_spoken_hit1`: a picture is asked `into` the test takes;
- `fused_class`: `kb.classify` of a picture and a take together (each picture once, takes in turn), by the ten records;
- `unheard_...`: the same where all takes of one speaker were left out of training, and all of them are asked; mean
  over the six speakers.

Baselines see the same files: nearest neighbours and a linear map by raw features (pixels; log-mel spectrograms
stretched to one length), the best single modality of the trained model, and late fusion (mean chance) of its two
single answers.

`--valid` is for tuning: takes 10 to 14 and each fifth training picture are asked instead, and test files are not opened.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import chiasm
from benchmarks.pairing.baselines import raw_answers
from benchmarks.pairing.files import Split, digit_of, speaker_of, split, things
from benchmarks.rows import Row, mean_interval, paired_bootstrap, print_rows, write_rows
from benchmarks.shared_data import shared_data

#: Found on the valid files. No digit is its own mirror image, and half a second of speech needs no strong masks.
RECIPE = {
    "encoders.image.student": "{size: 32, mirror: 0}",
    "encoders.audio.student": "{augment: 0.5, dropout: 0.1}",
    "encoders.pairs": "{epochs: 30, learning_rate: 0.003}",
    "training.epochs": "100",
}
_TARGETS = {
    "spoken_to_handwritten_hit1": ">= 0.9",
    "handwritten_to_spoken_hit1": ">= 0.9",
    "fused_class": ">= 0.97",
}
#: Answers of one run: row to right or wrong, `(queries,)`.
Answers = dict[str, np.ndarray]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--speaker-seeds", type=int, default=1, help="seeds of leave-one-speaker-out; 0 omits it"
    )
    parser.add_argument("--speakers", nargs="*", help="leave out these only")
    parser.add_argument("--valid", action="store_true", help="ask held-out training files: for tuning")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(min(2, torch.get_num_threads()))
    recipe = RECIPE | dict(item.split("=", 1) for item in args.set)
    folder = shared_data() / "digits"
    whole = split(folder, valid=args.valid)
    runs = [trained(whole, recipe, seed) for seed in range(args.seeds)]
    rows = _rows(runs, raw_answers(whole), whole) if runs else []
    alone: dict[str, list[Answers]] = defaultdict(list)
    raw: dict[str, list[Answers]] = {}
    for speaker in args.speakers or sorted({speaker_of(path) for path in whole.takes}):
        files = split(folder, without=speaker, valid=args.valid)
        for seed in range(args.speaker_seeds):
            alone[speaker].append(trained(files, recipe, seed))
        raw[speaker] = [raw_answers(files)]
    rows += _unheard_rows(alone) + (_unheard_rows(raw) if alone else [])
    print_rows(rows)
    write_rows(rows, args.json)


def trained(files: Split, recipe: Mapping[str, str], seed: int) -> Answers:
    """Answers of a home that was trained on the known files."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="chiasm-digits-") as name:
        work = Path(name)
        with chiasm.open(work / "home") as kb:
            kb.ingest(_together(files.known, work / "known")).wait()
            job = kb.train(recipe="offline", seed=seed, overrides=recipe, promote="force").wait()
            state, took = job.result["state"], time.perf_counter() - started
            kb.ingest(_apart(files.takes + files.pictures, work / "asked")).wait()
            found = _asked(kb, files)
    about = {name: round(float(right.mean()), 4) for name, right in found.items()}
    print(f"seed {seed}: {state} in {took:.0f} s, {about}", flush=True)
    return found


def _together(files: Sequence[Path], folder: Path) -> Path:
    """A manifest of ten records, each with all files of a digit, and no word."""
    records = [
        {
            "key": f"thing:{digit}",
            "domain": "things",
            "image": [path.name for path in files if path.suffix == ".png" and digit_of(path) == digit],
            "audio": [path.name for path in files if path.suffix == ".wav" and digit_of(path) == digit],
        }
        for digit in range(10)
    ]
    return _manifest(records, files, folder)


def _apart(files: Sequence[Path], folder: Path) -> Path:
    """A manifest of a record a file."""
    kinds = {".png": ("handwritten", "image"), ".wav": ("spoken", "audio")}
    records = [
        {"key": path.name, "domain": domain, modality: path.name}
        for path in files
        for domain, modality in [kinds[path.suffix]]
    ]
    return _manifest(records, files, folder)


def _manifest(records: Sequence[Mapping[str, Any]], files: Sequence[Path], folder: Path) -> Path:
    folder.mkdir(parents=True)
    for path in files:
        shutil.copy(path, folder / path.name)
    (folder / "records.jsonl").write_text("\n".join(json.dumps(record) for record in records), "utf-8")
    return folder / "records.jsonl"


def _asked(kb: Any, files: Split) -> Answers:
    def first(path: Path, into: str, **query: Path) -> bool:
        hits = kb.search(into=into, k=1, **query)
        return bool(hits) and digit_of(Path(hits[0].key)) == digit_of(path)

    found = {
        "spoken_to_handwritten_hit1": [first(path, "handwritten", audio=path) for path in files.takes],
        "handwritten_to_spoken_hit1": [first(path, "spoken", image=path) for path in files.pictures],
    }
    examples = {str(digit): [f"thing:{digit}"] for digit in range(10)}

    def chances(**thing: Path) -> np.ndarray:
        said = {row["label"]: row["probability"] for row in kb.classify(examples=examples, **thing)["labels"]}
        return np.array([said[name] for name in examples])

    pairs = things(files)
    truth = np.array([digit_of(picture) for picture, _ in pairs])
    heard = {take: chances(audio=take) for take in files.takes}
    seen = np.stack([chances(image=picture) for picture, _ in pairs])
    spoken = np.stack([heard[take] for _, take in pairs])
    fused = np.stack([chances(image=picture, audio=take) for picture, take in pairs])
    answers = {name: np.array(right) for name, right in found.items()}
    for name, scores in (("", fused), ("_image", seen), ("_audio", spoken), ("_late_fusion", seen + spoken)):
        answers[f"fused_class{name}"] = scores.argmax(1) == truth
    return answers


def _rows(runs: Sequence[Answers], raw: Answers, files: Split) -> list[Row]:
    rows = []
    for name in runs[0]:
        value, spread = mean_interval([float(run[name].mean()) for run in runs])
        rows.append(
            Row(
                name,
                value,
                target=_TARGETS.get(name, ""),
                spread=spread,
                n=len(runs),
                baseline=_said(name, raw),
            )
        )
    rows += [
        Row(name, float(right.mean()), n=len(right), baseline="raw features") for name, right in raw.items()
    ]
    ours = _mean(runs, "fused_class")
    sources = [take.name for _, take in things(files)]
    for label in ("_image", "_audio", "_late_fusion"):
        gain, spread = paired_bootstrap(ours, _mean(runs, f"fused_class{label}"), sources)
        rows.append(Row(f"fused_class_gain_over{label}", gain, spread=spread, n=len(ours)))
    return rows


def _mean(runs: Sequence[Answers], name: str) -> np.ndarray:
    mean: np.ndarray = np.mean(np.stack([run[name] for run in runs]).astype(float), axis=0)
    return mean


def _said(name: str, raw: Answers) -> str:
    beside = raw.get(f"{name}_raw")
    return f"raw features {beside.mean():.3f}" if beside is not None else ""


def _unheard_rows(alone: Mapping[str, Sequence[Answers]]) -> list[Row]:
    """Mean over speakers with its interval, and each speaker's own figure, seeds averaged."""
    if not any(alone.values()):
        return []
    rows = []
    for name in next(iter(alone.values()))[0]:
        by_speaker = {speaker: float(_mean(runs, name).mean()) for speaker, runs in alone.items()}
        value, spread = mean_interval(list(by_speaker.values()))
        rows.append(
            Row(f"unheard_{name}", value, spread=spread, n=len(by_speaker), baseline="mean over speakers")
        )
        if name in _TARGETS:
            rows += [Row(f"unheard_{name}_{speaker}", figure) for speaker, figure in by_speaker.items()]
    return rows


if __name__ == "__main__":
    main()
