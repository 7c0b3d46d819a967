"""The group of an emoji from its words: LSTM and Transformer students beside their teacher and plain baselines.

    python -m benchmarks.classes [--home FOLDER] [--seeds 3] [--json FILE]

A home gets the emoji of `split` = train with their English texts and their group as an attribute, and nothing else. A
release is trained with the text encoder as it is (all-MiniLM-L6-v2); `chiasm distill` then makes an LSTM and a
Transformer of it, each seed anew. The emoji of `split` = test, which the home has never seen, are classified by
`kb.classify(text, by="group")`: by the middle of the entities of each group, the query encoded by the student or by
the teacher. Asked are the names alone ("hot pepper"), and names with keywords, as the manifest has them.

Macro-F1 is the mean over the groups that the test emoji have. Baselines: the largest group, and logistic regression on
tf-idf of words and of character trigrams, its penalty chosen on `split` = valid. Nothing else is chosen: test emoji are
asked once a run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import chiasm
from benchmarks.catalogue import train
from benchmarks.rows import Row, mean_interval, print_rows, write_rows
from benchmarks.shared_data import read_lines, shared_data
from chiasm.training.labelling import macro_f1 as mean_f1

_KINDS = ("lstm", "transformer")
#: The first shape of each kind within it is taken: the smallest.
_MB, _MS = 50.0, 50.0
_PENALTIES = (1.0, 3.0, 10.0, 30.0)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--home", type=Path, help="folder for the home, kept afterwards, or one that was kept"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="options of the students"
    )
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    parts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in read_lines(shared_data() / "emoji" / "emoji.jsonl"):
        parts[record["attributes"]["split"]].append(record)
    work = args.home or Path(tempfile.mkdtemp(prefix="chiasm-classes-"))
    try:
        rows = _run(work, parts, args.seeds, dict(item.split("=", 1) for item in args.set))
    finally:
        if args.home is None:
            shutil.rmtree(work, ignore_errors=True)
    print_rows(rows)
    write_rows(rows, args.json)


def _run(
    home: Path, parts: Mapping[str, Sequence[dict[str, Any]]], seeds: int, options: Mapping[str, str]
) -> list[Row]:
    asked = {"name": [_title(one) for one in parts["test"]], "words": [_words(one) for one in parts["test"]]}
    truth = [_group(one) for one in parts["test"]]
    said: dict[str, list[list[str]]] = defaultdict(list)
    if not (home / "catalog.sqlite").exists():
        with chiasm.open(home) as kb:
            kb.ingest([_known(one) for one in parts["train"]]).wait()
            train(kb, "offline", {"encoders.text_tuning": "null"}, 0)
    said |= {f"teacher_{name}": [_classified(home, texts, "teacher")] for name, texts in asked.items()}
    students: dict[str, dict[str, Any]] = {}
    for seed in range(seeds):
        for kind in _KINDS:
            with chiasm.open(home) as kb:
                job = kb.distill(
                    max_mb=_MB, max_ms=_MS, kinds=[kind], min_retention=0.01, overrides=options, seed=seed
                ).wait()
            students[kind] = job.result["student"]
            for name, texts in asked.items():
                found = _classified(home, texts, "student")
                said[f"{kind}_{name}"].append(found)
                figures = f"accuracy {accuracy(found, truth):.4f}, macro-F1 {macro_f1(found, truth):.4f}"
                print(f"{kind} {seed} by {name}: {figures}; {students[kind]}", flush=True)
    largest = Counter(_group(one) for one in parts["train"]).most_common(1)[0][0]
    said["majority"] = [[largest] * len(truth)]
    for name, text_of in (("name", _title), ("words", _words)):
        said[f"tfidf_{name}"] = [_tfidf(parts, text_of)]
    return _rows(said, truth, students)


def _title(record: Mapping[str, Any]) -> str:
    return str(record["title"])


def _words(record: Mapping[str, Any]) -> str:
    return "; ".join(text["value"] for text in record["text"] if text["lang"] == "en")


def _group(record: Mapping[str, Any]) -> str:
    return str(record["attributes"]["group"])


def _known(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "key": record["key"],
        "domain": "emoji",
        "title": record["title"],
        "text": [text for text in record["text"] if text["lang"] == "en"],
        "attributes": {"group": _group(record)},
    }


def _classified(home: Path, texts: Sequence[str], encoder: str) -> list[str]:
    with _asking(encoder), chiasm.open(home) as kb:
        return [kb.classify(text, by="group")["labels"][0]["label"] for text in texts]


@contextmanager
def _asking(encoder: str) -> Iterator[None]:
    """Queries encoded by the student or by the teacher."""
    os.environ["CHIASM_QUERY_ENCODER"] = encoder
    try:
        yield
    finally:
        del os.environ["CHIASM_QUERY_ENCODER"]


def _tfidf(parts: Mapping[str, Sequence[dict[str, Any]]], text_of: Any) -> list[str]:
    """Groups of the test emoji by logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    known = [_words(one) for one in parts["train"]] + [_title(one) for one in parts["train"]]
    groups = [_group(one) for one in parts["train"]] * 2

    def fitted(penalty: float) -> Any:
        features = make_union(
            TfidfVectorizer(sublinear_tf=True),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3), sublinear_tf=True),
        )
        return make_pipeline(features, LogisticRegression(C=penalty, max_iter=1000)).fit(known, groups)

    valid, right = [text_of(one) for one in parts["valid"]], [_group(one) for one in parts["valid"]]
    best = max((fitted(penalty) for penalty in _PENALTIES), key=lambda model: model.score(valid, right))
    return [str(group) for group in best.predict([text_of(one) for one in parts["test"]])]


def accuracy(said: Sequence[str], truth: Sequence[str]) -> float:
    """Share that is right."""
    return sum(one == right for one, right in zip(said, truth, strict=True)) / len(truth)


def macro_f1(said: Sequence[str], truth: Sequence[str]) -> float:
    """Mean of the F1 of each class that occurs."""
    codes = np.unique([*said, *truth], return_inverse=True)[1]
    return mean_f1(codes[: len(said)], codes[len(said) :])


def _rows(
    said: Mapping[str, Sequence[Sequence[str]]], truth: Sequence[str], students: Mapping[str, dict[str, Any]]
) -> list[Row]:
    rows = []
    for name, runs in said.items():
        student = students.get(name.split("_")[0])
        label = f"{student['name']}, {student['mb']} MB, {student['ms']} ms" if student else ""
        for metric, judge in (("accuracy", accuracy), ("macro_f1", macro_f1)):
            value, spread = mean_interval([judge(run, truth) for run in runs])
            interval = spread if len(runs) > 1 else None
            rows.append(Row(f"{name}_{metric}", value, spread=interval, n=len(runs), baseline=label))
    return rows


if __name__ == "__main__":
    main()
