"""Students of the emoji and sounds catalogues: size, time, and what they keep of their teacher's hit@10.

    python -m benchmarks.distil [--modality text|image|audio] [--home FOLDER] [--valid] [--wordnet] [--json FILE]

A home is filled and trained offline: of texts with the emoji's texts and keyword edges, of pictures with the emoji of
which some have lost theirs, of sounds with emoji (less pictures), sound classes, clips and what depicts what;
``--home`` takes one that is there. Then `chiasm distill` runs for nets of at most a quarter of the teacher's
parameters within the limits of the modality, and of texts once more for tables of token vectors. A student is judged
like its teacher: the query file that nobody has seen goes through `kb.search`, once with the setting `query_encoder`
as it is and once with `teacher`. Times are `chiasm_encoders.timing.time_queries`: one query at a time, one thread,
the median with quartiles. ``--valid`` asks the files that choices may look at; of sounds it leaves fold 4 out.

``--wordnet`` teaches with WordNet's words and glosses too (Debian's `wordnet-base`), less the words of the query files.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import chiasm
from benchmarks.catalogue import reduced, sound_queries, train
from benchmarks.distil_speedup import speedup_row
from benchmarks.rows import Row, paired_bootstrap, print_rows, write_rows
from benchmarks.shared_data import read_lines, shared_data
from chiasm.media import decode_audio, decode_image
from chiasm_encoders import default_text_spec, load_encoder
from chiasm_encoders.distil import FrozenTeacher
from chiasm_encoders.timing import time_queries


@dataclass(frozen=True)
class _Case:
    """What is asked of students of one modality."""

    max_mb: float
    #: Name of the rows, kinds of net, milliseconds.
    students: tuple[tuple[str, tuple[str, ...], float], ...]


_CASES = {
    "text": _Case(
        20.0, (("text_student", ("lstm", "transformer"), 1.0), ("static_student", ("static",), 0.1))
    ),
    # Nets of at most a quarter of the parameters of the encoders that the recipe `offline` trains.
    "image": _Case(15.0, (("image_student", ("residual-12-24-48-80", "residual-20-40-80-112"), 8.0),)),
    "audio": _Case(10.0, (("audio_student", ("residual-8-16-32-48", "residual-16-32-64-112"), 10.0),)),
}
_WORDNET = Path("/usr/share/wordnet")
_PARTS = ("noun", "verb", "adj", "adv")
_DEEP = 10


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modality", choices=tuple(_CASES), default="text")
    parser.add_argument("--home", type=Path, help="home with the catalogue and a release")
    parser.add_argument("--keep", type=Path, help="folder for the home, kept afterwards")
    parser.add_argument("--wordnet", action="store_true", help="teach with WordNet too")
    parser.add_argument("--kind", action="append", help="these nets only, as in static-128")
    parser.add_argument("--valid", action="store_true", help="ask the valid files: for tuning")
    parser.add_argument("--as-is", action="store_true", help="judge the student that the home's release has")
    parser.add_argument("--min-retention", type=float, default=0.95)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    work = args.home or args.keep or Path(tempfile.mkdtemp(prefix="chiasm-distil-"))
    try:
        if args.home is None:
            _fill(work, args)
        rows = _run(args, work)
    finally:
        if args.home is None and args.keep is None:
            shutil.rmtree(work, ignore_errors=True)
    print_rows(rows)
    write_rows(rows, args.json)


def _fill(home: Path, args: argparse.Namespace) -> None:
    data = shared_data()
    bare = [
        {name: value for name, value in record.items() if name != "image"}
        for record in read_lines(data / "emoji" / "emoji.jsonl")
    ]
    sources: list[Any] = [data / "emoji" / "emoji-partial.jsonl"] if args.modality == "image" else [bare]
    if args.modality == "audio":
        clips = data / "sounds" / "sounds.jsonl"
        sources += [
            data / "sounds" / "audioset.jsonl",
            reduced(clips, None, 4, home) if args.valid else clips,
        ]
        sources.append(data / "sounds" / "bridge.tsv")
    with chiasm.open(home) as kb:
        for source in sources:
            kb.ingest(source).wait()
        train(kb, "offline", {}, args.seed)


def _run(args: argparse.Namespace, home: Path) -> list[Row]:
    modality, case = args.modality, _CASES[args.modality]
    queries = _queries(modality, valid=args.valid)
    teacher = _answered(home, modality, queries, "teacher")
    rows = [Row(f"{modality}_teacher_hit10", float(teacher.mean()), n=len(queries))]
    if args.as_is:
        name, _, ms = case.students[0]
        kept = _manifest(home)["students"][modality]["report"]
        return rows + _rows(name, ms, kept, home, modality, queries, teacher)
    corpus = _wordnet() if args.wordnet else []
    for name, kinds, ms in case.students:
        chosen = args.kind or list(kinds)
        if modality == "text" and not (chosen := [one for one in chosen if one.split("-")[0] in kinds]):
            continue
        started = time.perf_counter()
        with chiasm.open(home) as kb:
            job = kb.distill(
                modality=modality,
                max_mb=case.max_mb,
                max_ms=ms,
                kinds=chosen,
                corpus=corpus,
                min_retention=args.min_retention,
                overrides=dict(item.split("=", 1) for item in args.set),
                seed=args.seed,
            ).wait()
        result = job.result
        print(json.dumps(result, indent=1), flush=True)
        rows.append(Row(f"{name}_search_s", time.perf_counter() - started, unit="s", n=len(result["trials"])))
        if result["student"] is None:
            print(f"{name}: none keeps {args.min_retention:.0%} on the queries that choose", flush=True)
            continue
        rows += _rows(name, ms, result["student"], home, modality, queries, teacher)
    return rows


def _rows(
    name: str,
    limit_ms: float,
    student: dict[str, Any],
    home: Path,
    modality: str,
    queries: Sequence[dict[str, Any]],
    teacher: np.ndarray,
) -> list[Row]:
    manifest = _manifest(home)
    folder = _release(home) / manifest["students"][modality]["spec"].removeprefix("student:")
    encoder = load_encoder(f"student:{folder}", device="cpu")
    rounds = 1000 if modality == "text" else 200
    timing = time_queries(encoder, _items(modality, queries), rounds=rounds)
    found = _answered(home, modality, queries, "student")
    # Clips are named FOLD-RECORDING-TAKE: those of one recording are drawn together.
    clusters = [Path(q["audio"]).stem.rsplit("-", 1)[0] for q in queries] if modality == "audio" else None
    gap, interval = paired_bootstrap(found, teacher, clusters)
    share = student["parameters"] / _parameters(home, modality, manifest)
    label = student["name"]
    quarter = "" if name == "static_student" else "<= 0.25"
    max_mb = _CASES[modality].max_mb
    rows = [
        Row(f"{name}_mb", student["mb"], unit="MB", baseline=label, target=f"<= {max_mb:g}"),
        Row(f"{name}_parameters", share, unit="of teacher", baseline=label, target=quarter),
        Row(
            f"{name}_ms",
            timing.median,
            unit="ms",
            baseline=label,
            target=f"<= {limit_ms:g}",
            spread=(timing.low, timing.high),
            n=rounds,
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
    return rows if modality == "text" else [*rows, speedup_row(name, label, modality, encoder.dim)]


def _queries(modality: str, *, valid: bool) -> list[dict[str, Any]]:
    data = shared_data()
    if modality == "audio":
        return sound_queries(data / "sounds", valid=valid)
    kind = "text" if modality == "text" else "picture"
    return read_lines(data / "emoji" / f"queries-{kind}{'-valid' if valid else ''}.jsonl")


def _asked(modality: str, query: dict[str, Any]) -> Any:
    """The text of a query, or the path of its medium."""
    if modality == "text":
        return query["text"]
    return shared_data() / ("emoji" if modality == "image" else "sounds") / query[modality]


def _items(modality: str, queries: Sequence[dict[str, Any]]) -> list[Any]:
    """Queries as an encoder takes them."""
    asked = [_asked(modality, query) for query in queries]
    if modality == "text":
        return asked
    decode = decode_image if modality == "image" else decode_audio
    return [decode(path.read_bytes()) for path in asked]


def _release(home: Path) -> Path:
    return max((home / "models" / "releases").glob("*/r*"), key=lambda folder: int(folder.name[1:]))


def _manifest(home: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((_release(home) / "release.json").read_text("utf-8"))
    return manifest


def _parameters(home: Path, modality: str, manifest: dict[str, Any]) -> int:
    """Of the release's own encoder."""
    own = manifest["encoders"][modality]["spec"] == f"student:{modality}"
    spec = f"student:{_release(home) / modality}" if own else default_text_spec()
    return FrozenTeacher(load_encoder(spec, device="cpu")).parameter_count


def _answered(home: Path, modality: str, queries: Sequence[dict[str, Any]], encoder: str) -> np.ndarray:
    """Whether an expected emoji is among the first ten, ``(queries,)``, with student or teacher."""
    os.environ["CHIASM_QUERY_ENCODER"] = encoder
    try:
        with chiasm.open(home) as kb:
            hits = [
                kb.search(**{modality: _asked(modality, query)}, into="emoji", k=_DEEP) for query in queries
            ]
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
