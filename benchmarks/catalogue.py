"""Emoji and sounds through the whole of Chiasm: ingest, train offline, answer the query files.

    python -m benchmarks.catalogue [--seeds 3] [--missing [MODALITY ...]] [--json FILE]
    python -m benchmarks.catalogue --missing --complete FILE    (against the rows of an earlier run)

Two homes, full and partial (pictures of the training split only), are filled through the worker queue and
trained once a seed. Figures are means over seeds with 95 % intervals; the gain over the best baseline
(chosen on the valid files, with the encoders of the same seed) is a paired bootstrap over queries, seeds averaged.
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

import chiasm
from benchmarks.catalogue_baselines import picture_baselines, reciprocal_ranks, word_baselines
from benchmarks.catalogue_sounds import sound_baseline
from benchmarks.emoji_words import ranks_of
from benchmarks.rows import Row, mean_interval, paired_bootstrap, print_rows, write_rows
from benchmarks.shared_data import read_lines, shared_data
from chiasm_encoders import default_text_spec, load_encoder

Figures = dict[str, list[np.ndarray]]
_DEEP = 1000
_HIT = 10
_TARGETS = {
    "text_hit10": ">= 0.58",
    "text_mrr": ">= 0.39",
    "picture_hit10": ">= 0.40",
    "variant_hit1": ">= 0.97",
    "audio_class1": ">= 0.80",
    "audio_emoji10": ">= 0.75",
}
#: Lower bound of the paired difference to the best baseline.
_GAINS = {"text_hit10": ">= 0", "picture_hit10": ">= 0", "audio_emoji10": ">= -0.02"}
_MODALITIES = ("text", "image", "audio", "graph")
#: Which removed modality each line can do without.
_NEEDS = {
    "text_hit10": {"text"},
    "picture_hit10": {"image"},
    "variant_hit1": {"image"},
    "audio_class1": {"audio", "graph"},
    "audio_emoji10": {"audio", "graph"},
}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--missing",
        nargs="*",
        choices=_MODALITIES,
        metavar="MODALITY",
        help="also retrain without each modality, or those named",
    )
    parser.add_argument("--complete", type=Path, help="with --missing: rows of a run with all modalities")
    parser.add_argument("--only", choices=("full", "partial"), help="one of the two catalogues")
    parser.add_argument("--valid", action="store_true", help="answer the valid files: for tuning")
    parser.add_argument("--recipe", default="offline")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--keep", type=Path, help="folder for the homes, kept afterwards")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    work = args.keep or Path(tempfile.mkdtemp(prefix="chiasm-catalogue-"))
    try:
        rows = _run(args, work)
    finally:
        if args.keep is None:
            shutil.rmtree(work, ignore_errors=True)
    print_rows(rows)
    write_rows(rows, args.json)


def _run(args: argparse.Namespace, work: Path) -> list[Row]:
    data = shared_data()
    overrides = dict(item.split("=", 1) for item in args.set)
    if args.complete is not None:
        known = {row["row"]: float(row["value"]) for row in json.loads(args.complete.read_text("utf-8"))}
        return _missing(args, work, data, known, {}, overrides)
    figures: Figures = defaultdict(list)
    seconds: list[float] = []
    bases: Figures = defaultdict(list)
    for name in ("full", "partial"):
        if args.only not in (None, name):
            continue
        with chiasm.open(work / name) as kb:
            fill(kb, data, name, work, valid=args.valid)
            for seed in range(args.seeds):
                seconds.append(train(kb, args.recipe, overrides, seed))
                answer(kb, data, name, figures, valid=args.valid)
                for label, base in _baselines(data, name, work / name, valid=args.valid).items():
                    bases[label].append(base)
    rows = _rows(figures, bases, data, seconds)
    if args.missing is not None:
        complete = {name: float(np.mean([run.mean() for run in runs])) for name, runs in figures.items()}
        rows += _missing(args, work, data, complete, figures, overrides)
    return rows


def fill(
    kb: Any, data: Path, name: str, work: Path, *, without: str | None = None, valid: bool = False
) -> None:
    """Ingest the catalogue into a home, less a modality if asked; ``valid`` leaves a fold of sounds out too."""
    started = time.perf_counter()
    emoji, sounds = data / "emoji", data / "sounds"
    if name == "partial":
        paths = [emoji / "emoji-partial.jsonl"]
    else:
        paths = [
            emoji / "emoji.jsonl",
            sounds / "audioset.jsonl",
            sounds / "sounds.jsonl",
            sounds / "bridge.tsv",
        ]
    drop_fold = 4 if valid else None
    for path in paths:
        source: Any = path
        if path.suffix == ".jsonl" and (without or (drop_fold and path.name == "sounds.jsonl")):
            source = reduced(path, without, drop_fold, work)
        elif without == "graph" and path.suffix == ".tsv":
            continue
        job = kb.ingest(source).wait()
        print(f"{name}: {path.name} {job.progress.state} {job.result}", flush=True)
    print(f"{name}: ingested in {time.perf_counter() - started:.0f} s", flush=True)


def reduced(path: Path, without: str | None, drop_fold: int | None, folder: Path) -> Path:
    """The manifest less a modality or a fold, beside links to its media."""
    target = folder / f"{path.parent.name}-{without}-{drop_fold}"
    target.mkdir(parents=True, exist_ok=True)
    for media in ("png", "ogg", "views"):
        if (path.parent / media).is_dir() and not (target / media).exists():
            shutil.copytree(path.parent / media, target / media)
    lines = []
    for record in read_lines(path):
        if drop_fold is not None and record.get("attributes", {}).get("fold") == drop_fold:
            continue
        if without == "graph":
            record.pop("relations", None)
        elif without:
            record.pop(without, None)
            if without == "text":
                record.pop("title", None)
        lines.append(json.dumps(record, ensure_ascii=False))
    (target / path.name).write_text("\n".join(lines), encoding="utf-8")
    return target / path.name


def train(kb: Any, recipe: str, overrides: Mapping[str, str], seed: int) -> float:
    """Train a release; seconds it took."""
    started = time.perf_counter()
    job = kb.train(recipe=recipe, seed=seed, overrides=overrides, promote="force").wait()
    took = time.perf_counter() - started
    print(f"seed {seed}: {job.result['release']} {job.result['state']} in {took:.0f} s", flush=True)
    return took


def answer(kb: Any, data: Path, name: str, figures: Figures, *, valid: bool) -> None:
    """Ask the query files of a catalogue, and add what each query found to the lines."""
    suffix = "-valid" if valid else ""
    emoji, sounds = data / "emoji", data / "sounds"
    if name == "partial":
        queries = read_lines(emoji / f"queries-picture{suffix}.jsonl")
        ranks = ranks_of(queries, lambda q: kb.search(image=emoji / q["image"], into="emoji", k=_DEEP))
        figures["picture_hit10"].append(ranks >= 1 / _HIT)
        return
    queries = read_lines(emoji / f"queries-text{suffix}.jsonl")
    ranks = ranks_of(queries, lambda q: kb.search(text=q["text"], into="emoji", k=_DEEP))
    figures["text_hit10"].append(ranks >= 1 / _HIT)
    figures["text_mrr"].append(ranks)
    if not valid:
        queries = read_lines(emoji / "queries-variant.jsonl")
        ranks = ranks_of(queries, lambda q: kb.search(image=emoji / q["image"], into="emoji", k=_HIT))
        figures["variant_hit1"].append(ranks >= 1)
    queries = sound_queries(sounds, valid=valid)
    classes = {record["key"]: record["attributes"]["class"] for record in read_lines(sounds / "sounds.jsonl")}
    nearest = [kb.search(audio=sounds / q["audio"], into="sounds", k=1) for q in queries]
    right = [
        bool(hits) and classes[hits[0].key] == q["class"] for q, hits in zip(queries, nearest, strict=True)
    ]
    figures["audio_class1"].append(np.array(right))
    ranks = ranks_of(queries, lambda q: kb.search(audio=sounds / q["audio"], into="emoji", k=_HIT))
    figures["audio_emoji10"].append(ranks >= 1 / _HIT)


def sound_queries(sounds: Path, *, valid: bool) -> list[dict[str, Any]]:
    """Fold 5, or with `valid` fold 4, which is then not ingested."""
    queries = read_lines(sounds / "queries-audio.jsonl")
    if not valid:
        return queries
    answers = {query["class"]: query["expect"] for query in queries}
    return [
        {
            "audio": record["audio"][0],
            "expect": answers[record["attributes"]["class"]],
            **record["attributes"],
        }
        for record in read_lines(sounds / "sounds.jsonl")
        if record["attributes"]["fold"] == 4
    ]


def _baselines(data: Path, name: str, home: Path, *, valid: bool) -> dict[str, np.ndarray]:
    """Figures of the best baseline and of the best single one, chosen on the valid files.

    Pictures and sounds are compared by the encoders of the home's newest release.
    """
    emoji = data / "emoji"
    entities = read_lines(emoji / ("emoji.jsonl" if name == "full" else "emoji-partial.jsonl"))
    row = {record["key"]: n for n, record in enumerate(entities)}
    text = load_encoder(default_text_spec())
    kind = "text" if name == "full" else "picture"
    files = {part: read_lines(emoji / f"queries-{kind}{part}.jsonl") for part in ("-valid", "")}
    expected = {part: [{row[key] for key in q["expect"]} for q in some] for part, some in files.items()}
    if name == "full":
        scores = {p: word_baselines([q["text"] for q in some], entities, text) for p, some in files.items()}
    else:
        student = load_encoder(f"student:{_release_folder(home)}/image")
        scores = {
            p: picture_baselines([emoji / q["image"] for q in some], entities, emoji, text, student)
            for p, some in files.items()
        }
    chosen: dict[str, np.ndarray] = {}
    part = "-valid" if valid else ""
    for label, names in _groups(scores[""]).items():
        best = max(
            names, key=lambda one: (reciprocal_ranks(scores["-valid"][one], expected["-valid"]) >= 0.1).mean()
        )
        ranks = reciprocal_ranks(scores[part][best], expected[part])
        print(f"{kind}{label}: {best}", flush=True)
        chosen[f"{kind}_hit10{label}"] = ranks >= 1 / _HIT
        if name == "full":
            chosen[f"text_mrr{label}"] = ranks
    if name == "full":
        chosen |= sound_baseline(home, _release_folder(home), data / "sounds", valid=valid)
    return chosen


def _groups(scores: Mapping[str, np.ndarray]) -> dict[str, list[str]]:
    return {"_late_fusion": list(scores), "_best_single": [one for one in scores if one != "rrf"]}


def _release_folder(home: Path) -> Path:
    return max((home / "models" / "releases").glob("*/r*"), key=lambda folder: int(folder.name[1:]))


def _rows(figures: Figures, bases: Figures, data: Path, seconds: Sequence[float]) -> list[Row]:
    rows = []
    for name, runs in figures.items():
        value, spread = mean_interval([float(run.mean()) for run in runs])
        rows.append(Row(name, value, target=_TARGETS[name], spread=spread, n=len(runs)))
        for label in ("_late_fusion", "_best_single"):
            if name + label in bases:
                rows.append(Row(name + label, float(np.mean(bases[name + label])), n=len(runs)))
        if name in _GAINS:
            ours, *others = (
                np.mean(np.stack(some).astype(float), axis=0)
                for some in (runs, bases[name + "_late_fusion"], bases[name + "_best_single"])
            )
            base = max(others, key=np.mean)
            clusters = (
                _sources(data) if name.startswith("audio") and len(ours) == len(_sources(data)) else None
            )
            gain, (low, high) = paired_bootstrap(ours, base, clusters)
            rows.append(
                Row(
                    f"{name}_gain_low", low, baseline="best baseline", target=_GAINS[name], spread=(low, high)
                )
            )
            rows.append(Row(f"{name}_gain", gain, baseline="best baseline", spread=(low, high)))
    if seconds:
        rows.append(
            Row("train_minutes_longest", max(seconds) / 60, unit="min", target="<= 12", n=len(seconds))
        )
    return rows


def _sources(data: Path) -> list[str]:
    """Recording of each fold-5 query: clips `5-<recording>-<take>` of one recording are one source."""
    return [
        Path(q["audio"]).stem.rsplit("-", 1)[0] for q in read_lines(data / "sounds" / "queries-audio.jsonl")
    ]


def _missing(
    args: argparse.Namespace,
    work: Path,
    data: Path,
    complete: Mapping[str, float],
    queries: Mapping[str, list[np.ndarray]],
    overrides: Mapping[str, str],
) -> list[Row]:
    """Retrain without each modality; each line that can do without it keeps 85 % of its figure.

    Where the run with all modalities is at hand query by query, what the modality gains is a paired bootstrap.
    """
    rows = []
    for without in args.missing or _MODALITIES:
        figures: Figures = defaultdict(list)
        for name in ("full", "partial"):
            # The partial catalogue has no sounds to lose, and its line is about pictures.
            if args.only not in (None, name) or (name == "partial" and without in ("audio", "image")):
                continue
            with chiasm.open(work / f"{name}-without-{without}") as kb:
                fill(kb, data, name, work, without=without, valid=args.valid)
                for seed in range(args.seeds if queries else 1):
                    train(kb, args.recipe, overrides, seed)
                    answer(kb, data, name, figures, valid=args.valid)
        for name, runs in figures.items():
            rows += _gains_of(without, name, queries.get(name, []), runs)
            if name not in _NEEDS or without in _NEEDS[name]:
                continue
            value = float(np.mean([run.mean() for run in runs]))
            kept = value / max(complete[name], 1e-9)
            print(f"{name} without {without}: {value:.3f} of {complete[name]:.3f}", flush=True)
            rows.append(
                Row(
                    f"{name}_without_{without}",
                    kept,
                    unit="ratio",
                    baseline="all modalities",
                    target=">= 0.85",
                )
            )
    return rows


def _gains_of(modality: str, name: str, whole: Sequence[np.ndarray], less: Sequence[np.ndarray]) -> list[Row]:
    """What a modality gains a line, seeds averaged; empty where the queries of the whole are not at hand."""
    if not whole:
        return []
    gain, (low, high) = paired_bootstrap(
        *(np.mean(np.stack(runs).astype(float), axis=0) for runs in (whole, less))
    )
    wanted = ">= 0" if modality == "graph" and name in ("text_hit10", "picture_hit10") else ""
    beside = f"trained without {modality}, {len(less)} seeds"
    rows = [Row(f"{name}_gain_by_{modality}", gain, baseline=beside, spread=(low, high))]
    if wanted:
        rows.append(
            Row(f"{name}_gain_by_{modality}_low", low, baseline=beside, target=wanted, spread=(low, high))
        )
    return rows


if __name__ == "__main__":
    main()
