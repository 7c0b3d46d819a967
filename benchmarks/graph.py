"""The graph's speed: reading, sampling, judging, ten million triples, and an epoch beside PyKEEN's.

`python -m benchmarks.graph [--only reading sampling judging size epochs] [--rounds 3] [--json FILE]`. Peers are installed
into an environment of their own beside the checkout; one that cannot be installed is left out and named. Each part
runs in a process of its own, what is compared in turn within it, but for PyKEEN, whose epochs take turns with ours.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.graphs.environment import interpreter
from benchmarks.rows import Row, print_rows, write_rows
from benchmarks.shared_data import shared_data

_ROOT = Path(__file__).resolve().parents[1]
_LINES = 500_000


def main() -> None:
    """Print the rows of each part as it ends."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = {
        "reading": _reading,
        "sampling": _sampling,
        "judging": _judging,
        "size": _size,
        "epochs": _epochs,
    }
    parser.add_argument("--only", nargs="+", choices=tuple(parts), default=tuple(parts))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows: list[Row] = []
    for name in given.only:
        some = list(parts[name](given.rounds))
        print_rows(some)
        rows += some
        write_rows(rows, given.json)


def _reading(rounds: int) -> Iterator[Row]:
    """N-Triples, a tenth of them literals, beside the parser alone."""
    import pyoxigraph

    from chiasm_graph.formats import read_graph

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "graph.nt"
        _write_lines(file)
        found: dict[str, list[float]] = {"ours": [], "ours_processor": [], "alone": [], "alone_processor": []}
        # The first one imports.
        for _ in range(rounds + 1):
            began, busy = time.perf_counter(), time.process_time()
            table = read_graph(file)
            found["ours"].append(_LINES / (time.perf_counter() - began))
            found["ours_processor"].append(_LINES / (time.process_time() - busy))
            began, busy = time.perf_counter(), time.process_time()
            count = sum(1 for _ in pyoxigraph.parse(path=str(file)))
            found["alone"].append(_LINES / (time.perf_counter() - began))
            found["alone_processor"].append(_LINES / (time.process_time() - busy))
        if count != _LINES or not _LINES * 0.99 < len(table) <= _LINES:
            raise SystemExit(f"{len(table)} statements were read of {count}")
    ours, busy_ours = found["ours"][1:], found["ours_processor"][1:]
    yield _row("ntriples_per_s", ours, "1/s", ">= 300000", "N-Triples to arrays")
    yield _row("ntriples_per_processor_s", busy_ours, "1/s", "", "a second of the processor, both threads")
    yield _row("ntriples_parser_alone_per_s", found["alone"][1:], "1/s", "", "pyoxigraph, no arrays")
    ratios = [a / b for a, b in zip(busy_ours, found["alone_processor"][1:], strict=True)]
    yield _row("ntriples_vs_parser", ratios, "ratio", "", "over pyoxigraph alone, processor time")


def _sampling(rounds: int) -> Iterator[Row]:
    python = interpreter("torch-sparse")
    found = _asked(python or Path(sys.executable), "benchmarks.graphs.sampling")
    ours = np.array(found["ours"])
    yield _row("sampler_ns", found["ours"], "ns", "", "each half-edge, relabelled; fan-out 15, 10")
    if found["pyg"]:
        yield _row(
            "sampler_vs_pyg", np.array(found["pyg"]) / ours, "ratio", ">= 1.0", "PyG with torch-sparse"
        )
    else:
        print("PyG's sampler: torch-sparse cannot be installed here")
    drawn = np.array(found["gather"]) / ours
    yield _row("sampler_vs_gather", drawn, "ratio", ">= 0.25", "indices[random], numbers drawn")
    alone = np.array(found["gather_alone"]) / ours
    yield _row("sampler_vs_gather_alone", alone, "ratio", "", "indices[random], numbers given")


def _judging(rounds: int) -> Iterator[Row]:
    from chiasm_graph.link_prediction import LinkData, LinkModel, filtered_ranks

    data = LinkData.read(shared_data() / "kg" / "fb15k-237")
    model = LinkModel.build("complex", data.num_entities, data.num_relations, 512, scale=0.1, seed=0)
    known = np.concatenate([data.train, data.valid])
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        filtered_ranks(model, data.test, known)
        seconds.append(time.perf_counter() - began)
    yield _row("judging_fb15k237_s", seconds, "s", "<= 20", "test, both directions, filtered; rank 256")


def _size(rounds: int) -> Iterator[Row]:
    found = _asked(Path(sys.executable), "benchmarks.graphs.ten_million")
    units = {"gib": "GiB", "ms": "ms", "s": "s"}
    for name, value in found.items():
        unit = "1/s" if name.endswith("per_s") else units[name.rpartition("_")[2]]
        yield _row(
            f"ten_million_{name}",
            [value],
            unit,
            "<= 12" if name == "peak_gib" else "",
            "2 M nodes, 100 relations",
        )


def _epochs(rounds: int) -> Iterator[Row]:
    file = shared_data() / "kg" / "fb15k-237" / "train.tsv"
    python = interpreter("pykeen")
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        ours += _asked(Path(sys.executable), "benchmarks.graphs.epochs", "ours", str(file), "1")
        if python is not None:
            theirs += _asked(python, "benchmarks.graphs.epochs", "pykeen", str(file), "1")
    yield _row("epoch_fb15k237_s", ours, "s", "", "ComplEx, rank 256, against all entities")
    if python is None:
        print("PyKEEN cannot be installed here")
        return
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    yield _row("epoch_pykeen_s", theirs, "s", "", "the same by PyKEEN, LCWA")
    yield _row("epoch_vs_pykeen", ratios, "ratio", "<= 1.0", "PyKEEN")


def _asked(python: Path, module: str, *arguments: str) -> Any:
    """The last line of a process, as JSON."""
    paths = [_ROOT, *(_ROOT / name for name in ("platform", "graph", "encoders"))]
    given = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [str(python), "-m", module, *arguments], cwd=_ROOT, env=given, stdout=subprocess.PIPE, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def _row(name: str, values: Sequence[float] | np.ndarray, unit: str, target: str, baseline: str) -> Row:
    array = np.asarray(values, dtype=np.float64)
    spread = (float(np.quantile(array, 0.25)), float(np.quantile(array, 0.75)))
    return Row(name, float(np.median(array)), unit, baseline, target, spread, len(array))


def _write_lines(file: Path) -> None:
    generator = np.random.default_rng(0)
    heads = generator.integers(0, _LINES // 5, _LINES).tolist()
    tails = ((generator.pareto(1.2, _LINES) * 100).astype(np.int64) % (_LINES // 5)).tolist()
    kinds = generator.integers(0, 50, _LINES).tolist()
    with file.open("w", encoding="utf-8") as out:
        for head, kind, tail in zip(heads, kinds, tails, strict=True):
            end = f'"value {tail}"' if tail % 10 == 0 else f"<http://example.org/entity/Q{tail}>"
            out.write(f"<http://example.org/entity/Q{head}> <http://example.org/property/P{kind}> {end} .\n")


if __name__ == "__main__":
    main()
