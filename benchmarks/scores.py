"""Whether scores are chances: emoji and sounds through the whole of Chiasm, judged by the query files.

    python -m benchmarks.scores [--home FOLDER] [--seed 0] [--json FILE]

Two homes, full and partial (pictures of the training split only), are filled and trained as in
`benchmarks.catalogue`; ``--home`` takes the folder that one of the two left behind (``--keep``). Nothing is fitted
on the query files. Judged are the ten hits of each query, which is what somebody sees (`chiasm.training.reliability`
says why not more). Rows with `_clips` also ask sounds for clips of their class, which no query file does: a catalogue's
own idea of what is relevant may be wider than the one that scores were fitted on.

Pictures are asked of the partial home: those of entities without any, and views of those that have one, in the
proportion in which the catalogue has such entities. So the truth has them as often as the catalogue does.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import chiasm
from benchmarks.catalogue import fill, train
from benchmarks.rows import Row, print_rows, write_rows
from benchmarks.shared_data import read_lines, shared_data
from chiasm.training.reliability import DEPTH, Pairs, pairs_of, reliability

_KINDS = ("text", "image", "audio", "graph")


class Question(NamedTuple):
    """One query of the files."""

    modality: str
    value: Any
    into: str
    expect: frozenset[str]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="folder with trained homes `full` and `partial`")
    parser.add_argument("--keep", type=Path, help="folder for the homes, kept afterwards")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    work = args.home or args.keep or Path(tempfile.mkdtemp(prefix="chiasm-scores-"))
    try:
        if args.home is None:
            _make(work, args.seed, dict(item.split("=", 1) for item in args.set))
        told = Pairs.joined([*_judged(work)])
        wider = Pairs.joined([told, *_clips(work)])
    finally:
        if args.home is None and args.keep is None:
            shutil.rmtree(work, ignore_errors=True)
    report = reliability(told)
    for name, row in (*report["patterns"].items(), *report["representation"].items()):
        print(f"{name}: {row}")
    rows = [*_rows(report), *_rows(reliability(wider), "_clips")]
    print_rows(rows)
    write_rows(rows, args.json)


def _make(work: Path, seed: int, overrides: Mapping[str, str]) -> None:
    for name in ("full", "partial"):
        with chiasm.open(work / name) as kb:
            fill(kb, shared_data(), name, work)
            train(kb, "offline", overrides, seed)


def _judged(work: Path) -> Iterator[Pairs]:
    data = shared_data()
    for name, questions in (("full", _full(data)), ("partial", _partial(data))):
        patterns = _patterns(data, name)
        if not (work / name).is_dir():
            print(f"{work / name} is not there: judged without it", flush=True)
            continue
        with chiasm.open(work / name) as kb:
            yield from (_pairs(kb, question, patterns) for question in questions)


def _clips(work: Path) -> Iterator[Pairs]:
    """Held-out clips asked for clips of their class."""
    data = shared_data()
    if (work / "full").is_dir():
        patterns = _patterns(data, "full")
        with chiasm.open(work / "full") as kb:
            yield from (_pairs(kb, question, patterns) for question in _alike(data))


def _pairs(kb: Any, question: Question, patterns: Mapping[str, str]) -> Pairs:
    hits = kb.search(**{question.modality: question.value}, into=question.into, k=DEPTH)
    return pairs_of(
        question.modality,
        np.array([hit.score for hit in hits]),
        np.array([hit.key in question.expect for hit in hits]),
        ["+".join(hit.present) for hit in hits],
        [patterns[key] for key in sorted(question.expect)],
    )


def _full(data: Path) -> list[Question]:
    emoji, sounds = data / "emoji", data / "sounds"
    texts = [
        Question("text", q["text"], "emoji", frozenset(q["expect"]))
        for q in read_lines(emoji / "queries-text.jsonl")
    ]
    heard = []
    for q in read_lines(sounds / "queries-audio.jsonl"):
        for into in ("emoji", "audioset"):
            expect = frozenset(key for key in q["expect"] if key.startswith(f"{into}:"))
            heard += [Question("audio", sounds / q["audio"], into, expect)] if expect else []
    return [*texts, *heard]


def _alike(data: Path) -> list[Question]:
    sounds = data / "sounds"
    classes: dict[str, set[str]] = {}
    for record in read_lines(sounds / "sounds.jsonl"):
        classes.setdefault(record["attributes"]["class"], set()).add(record["key"])
    return [
        Question("audio", sounds / q["audio"], "sounds", frozenset(classes[q["class"]]))
        for q in read_lines(sounds / "queries-audio.jsonl")
    ]


def _partial(data: Path) -> list[Question]:
    """Pictures of entities that have none, as many as fit to the views of those that have one; and texts."""
    emoji = data / "emoji"
    having = {r["key"] for r in read_lines(emoji / "emoji-partial.jsonl") if r.get("image")}
    lacking = len(read_lines(emoji / "emoji-partial.jsonl")) - len(having)
    views = [q for q in read_lines(emoji / "queries-variant.jsonl") if set(q["expect"]) <= having]
    unseen = read_lines(emoji / "queries-picture.jsonl")
    unseen = unseen[:: max(1, round(len(unseen) * len(having) / (len(views) * lacking)))]
    pictures = [
        Question("image", emoji / q["image"], "emoji", frozenset(q["expect"])) for q in (*views, *unseen)
    ]
    texts = [q for q in _full(data) if q.modality == "text"]
    return [*pictures, *texts]


def _patterns(data: Path, name: str) -> dict[str, str]:
    """Key of each entity to what it can be judged on, as `Hit.present` names it."""
    files = ["emoji/emoji.jsonl", "sounds/audioset.jsonl", "sounds/sounds.jsonl"]
    records = [
        r
        for file in (files if name == "full" else ["emoji/emoji-partial.jsonl"])
        for r in read_lines(data / file)
    ]
    linked = {r["key"] for r in records if r.get("relations")}
    linked |= {link["object"] for r in records for link in r.get("relations", ())}
    if name == "full":
        triples = [line.split("\t") for line in (data / "sounds/bridge.tsv").read_text("utf-8").splitlines()]
        linked |= {end for head, _, tail, *_ in triples for end in (head, tail)}
    return {r["key"]: "+".join(kind for kind in _KINDS if _has(r, kind, linked)) for r in records}


def _has(record: Mapping[str, Any], kind: str, linked: set[str]) -> bool:
    if kind == "graph":
        return record["key"] in linked
    return bool(record.get(kind) or (kind == "text" and record.get("title")))


def _rows(report: Mapping[str, Any], ending: str = "") -> list[Row]:
    worst = max(report["patterns"].values(), key=lambda row: row["ece"])
    pairs: Sequence[int] = [row["pairs"] for row in report["patterns"].values()]
    scores = [
        Row(f"ece{ending}", report["ece"], target="" if ending else "<= 0.05", n=sum(pairs)),
        Row(f"ece_worst_pattern{ending}", worst["ece"], n=worst["pairs"]),
        Row(
            f"brier_skill{ending}",
            report["brier_skill"],
            baseline="base rate",
            target="" if ending else ">= 0.2",
            n=sum(pairs),
        ),
    ]
    if ending:
        return scores
    return [
        *scores,
        Row(
            "representation_max",
            report["representation_max"],
            unit="ratio",
            baseline="truth",
            target="<= 1.5",
        ),
    ]


if __name__ == "__main__":
    main()
