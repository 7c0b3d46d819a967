"""Text students of the emoji catalogue: size, time, and what they keep of their teacher's hit@10.

    python -m benchmarks.distil [--home FOLDER] [--wordnet] [--json FILE]

A home is filled with the emoji's texts and keyword edges (their pictures have no part in it) and trained offline;
``--home`` takes one that is there. Then `chiasm distill` runs twice: for nets of at most a quarter of the teacher's
parameters within 20 MB and 1 ms, and for tables of token vectors within 0.1 ms. Each student is judged like its teacher:
the query file that nobody has seen goes through `kb.search`, once with the setting `query_encoder` as it is and once with
`teacher`. Times are `chiasm_encoders.timing.time_queries`: one query at a time, one thread, the median with quartiles.

``--wordnet`` teaches with WordNet's words and glosses too (Debian's `wordnet-base`), less the words of the query files.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import chiasm
from benchmarks.catalogue import train
from benchmarks.rows import Row, paired_bootstrap, print_rows, write_rows
from benchmarks.shared_data import read_lines, shared_data
from chiasm_encoders import default_text_spec, load_encoder
from chiasm_encoders.distil import FrozenTeacher
from chiasm_encoders.timing import time_queries

_WORDNET = Path("/usr/share/wordnet")
_PARTS = ("noun", "verb", "adj", "adv")
_DEEP = 10
#: Name of the rows, kinds of net, milliseconds.
_STUDENTS = (("text_student", ("lstm", "transformer"), 1.0), ("static_student", ("static",), 0.1))
_MB = 20.0


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="home with the emoji and a release")
    parser.add_argument("--keep", type=Path, help="folder for the home, kept afterwards")
    parser.add_argument("--wordnet", action="store_true", help="teach with WordNet too")
    parser.add_argument("--kind", action="append", help="these nets only, as in static-128")
    parser.add_argument("--as-is", action="store_true", help="judge the student that the home's release has")
    parser.add_argument("--min-retention", type=float, default=0.95)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    work = args.home or args.keep or Path(tempfile.mkdtemp(prefix="chiasm-distil-"))
    try:
        if args.home is None:
            _fill(work, args.seed)
        rows = _run(args, work)
    finally:
        if args.home is None and args.keep is None:
            shutil.rmtree(work, ignore_errors=True)
    print_rows(rows)
    write_rows(rows, args.json)


def _fill(home: Path, seed: int) -> None:
    records = [
        {name: value for name, value in record.items() if name != "image"}
        for record in read_lines(shared_data() / "emoji" / "emoji.jsonl")
    ]
    with chiasm.open(home) as kb:
        kb.ingest(records).wait()
        train(kb, "offline", {}, seed)


def _run(args: argparse.Namespace, home: Path) -> list[Row]:
    queries = read_lines(shared_data() / "emoji" / "queries-text.jsonl")
    teacher = _answered(home, queries, "teacher")
    rows = [Row("text_teacher_hit10", float(teacher.mean()), n=len(queries))]
    if args.as_is:
        return rows + _rows(
            "text_student", 1.0, _manifest(home)["students"]["text"]["report"], home, queries, teacher
        )
    corpus = _wordnet() if args.wordnet else []
    for name, kinds, ms in _STUDENTS:
        chosen = [kind for kind in args.kind if kind.split("-")[0] in kinds] if args.kind else list(kinds)
        if not chosen:
            continue
        with chiasm.open(home) as kb:
            job = kb.distill(
                max_mb=_MB,
                max_ms=ms,
                kinds=chosen,
                corpus=corpus,
                min_retention=args.min_retention,
                overrides=dict(item.split("=", 1) for item in args.set),
                seed=args.seed,
            ).wait()
        result = job.result
        print(json.dumps(result, indent=1), flush=True)
        if result["student"] is None:
            print(f"{name}: none keeps {args.min_retention:.0%} on the queries that choose", flush=True)
            continue
        rows += _rows(name, ms, result["student"], home, queries, teacher)
    return rows


def _rows(
    name: str,
    limit_ms: float,
    student: dict[str, Any],
    home: Path,
    queries: Sequence[dict[str, Any]],
    teacher: np.ndarray,
) -> list[Row]:
    manifest = _manifest(home)
    folder = _release(home) / manifest["students"]["text"]["spec"].removeprefix("student:")
    encoder = load_encoder(f"student:{folder}", device="cpu")
    timing = time_queries(encoder, [query["text"] for query in queries], rounds=1000)
    found = _answered(home, queries, "student")
    gap, interval = paired_bootstrap(found, teacher)
    share = student["parameters"] / _parameters(home, manifest)
    label = student["name"]
    quarter = "<= 0.25" if name == "text_student" else ""
    return [
        Row(f"{name}_mb", student["mb"], unit="MB", baseline=label, target=f"<= {_MB:g}"),
        Row(f"{name}_parameters", share, unit="of teacher", baseline=label, target=quarter),
        Row(
            f"{name}_ms",
            timing.median,
            unit="ms",
            baseline=label,
            target=f"<= {limit_ms:g}",
            spread=(timing.low, timing.high),
            n=1000,
        ),
        Row(
            f"{name}_retention",
            float(found.mean() / teacher.mean()),
            baseline=f"teacher {teacher.mean():.3f}",
            target=">= 0.95",
            n=len(queries),
        ),
        Row(f"{name}_hit10_difference", gap, baseline="teacher", spread=interval, n=len(queries)),
    ]


def _release(home: Path) -> Path:
    return max((home / "models" / "releases").glob("*/r*"), key=lambda folder: int(folder.name[1:]))


def _manifest(home: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((_release(home) / "release.json").read_text("utf-8"))
    return manifest


def _parameters(home: Path, manifest: dict[str, Any]) -> int:
    """Of the release's own text encoder."""
    own = manifest["encoders"]["text"]["spec"] == "student:text"
    spec = f"student:{_release(home) / 'text'}" if own else default_text_spec()
    return FrozenTeacher(load_encoder(spec, device="cpu")).parameter_count


def _answered(home: Path, queries: Sequence[dict[str, Any]], encoder: str) -> np.ndarray:
    """Whether an expected emoji is among the first ten, ``(queries,)``, with student or teacher."""
    os.environ["CHIASM_QUERY_ENCODER"] = encoder
    try:
        with chiasm.open(home) as kb:
            hits = [kb.search(text=query["text"], into="emoji", k=_DEEP) for query in queries]
    finally:
        del os.environ["CHIASM_QUERY_ENCODER"]
    expected = [set(query["expect"]) for query in queries]
    return np.array(
        [any(hit.key in right for hit in found) for found, right in zip(hits, expected, strict=True)],
        dtype=np.float64,
    )


def _wordnet() -> list[str]:
    """Words and first glosses, less what the query files ask."""
    emoji = shared_data() / "emoji"
    asked = {
        query["text"].lower()
        for name in ("queries-text", "queries-text-valid")
        for query in read_lines(emoji / f"{name}.jsonl")
    }
    found: set[str] = set()
    for part in _PARTS:
        for line in (_WORDNET / f"data.{part}").read_text("latin-1").splitlines():
            if line.startswith("  "):
                continue
            fields = line.split(" ")
            words = [fields[4 + 2 * at] for at in range(int(fields[3], 16))]
            found |= {re.sub(r"\(.*\)", "", word).replace("_", " ") for word in words}
            found.add(line.split("|", 1)[1].split(";")[0].strip())
    return sorted(text for text in found if text.lower() not in asked)


if __name__ == "__main__":
    main()
