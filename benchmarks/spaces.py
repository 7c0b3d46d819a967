"""One vector space alone against bare FAISS of the same index: recall, time, filters, bytes, opening.

    python -m benchmarks.spaces [--size 117000] [--vectors FILE.npy] [--home FOLDER] [--json FILE]

FILE holds unit vectors ``(rows, dim)``, of texts say; without it they are drawn with a spectrum as embeddings have.
More rows than there are vectors are mixed as in `normalise(a u + (1 - a) v + .3 eps / sqrt(d))`, a ~ U(.6, .9), and
so are queries of such sets; of smaller ones they are vectors held out. With `--home` the space is kept there, and
found again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.rows import Row, print_rows, write_rows

Floats = npt.NDArray[np.float32]
_DIM = 384
_QUERIES = 1000
_K = 10
_BATCH = 64
_SHARES = (0.5, 0.1, 0.01, 0.001, 0.0001)
_RECALL_QUERIES = 300
_PAIRS = 400


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=117_000)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child is not None:
        _child(args.child)
        return
    with tempfile.TemporaryDirectory() as folder:
        home = args.home or Path(folder)
        queries, taken_s = _filled(home, args.size, args.vectors)
        rows = _measured(home, queries)
    if taken_s:
        rows.append(Row("rows_in", args.size / taken_s, unit="rows/s, durable, tuned", n=1))
    print_rows(rows)
    write_rows(rows, args.json)


def _filled(home: Path, size: int, file: Path | None) -> tuple[Floats, float]:
    """Queries, and the seconds that writing took; 0 if the space was there."""
    from sqlalchemy import select

    from chiasm.catalog.models import Space
    from chiasm.spaces import write_segment
    from chiasm_migrations.upgrade import upgrade_schema

    path = home / "queries.npy"
    if path.exists():
        return np.load(path), 0.0
    vectors, queries = _data(size, file)
    settings, catalog = _opened(home)
    upgrade_schema(catalog.engine)
    workspace_id = catalog.workspace_id("default")
    with catalog.write() as session:
        session.add(Space(workspace_id=workspace_id, kind="text", stamp="benchmark", dim=vectors.shape[1]))
    with catalog.read() as session:
        space_id = session.scalars(select(Space.id)).one()
    began = time.perf_counter()
    pending = write_segment(catalog, settings.spaces_dir, space_id, np.arange(size), vectors)
    with catalog.write() as session:
        pending.commit(session)
    taken_s = time.perf_counter() - began
    catalog.close()
    np.save(path, queries)
    return queries, taken_s


def _data(size: int, file: Path | None) -> tuple[Floats, Floats]:
    dice = np.random.default_rng(0)
    real = (
        np.asarray(np.load(file), dtype=np.float32) if file is not None else _drawn(dice, min(size, 150_000))
    )
    if len(real) >= size + _QUERIES:
        return real[_QUERIES : _QUERIES + size], real[:_QUERIES]
    found = np.empty((size, real.shape[1]), dtype=np.float32)
    for start in range(0, size, 65_536):
        found[start : start + 65_536] = _mixed(dice, real, min(65_536, size - start))
    return found, _mixed(dice, real, _QUERIES)


def _drawn(dice: np.random.Generator, rows: int) -> Floats:
    """Around topics, in directions whose weight falls off."""
    spectrum = (1.0 / np.sqrt(1 + np.arange(_DIM) / 16)).astype(np.float32)
    topics = dice.standard_normal((2000, _DIM), dtype=np.float32)
    vectors = topics[dice.integers(0, 2000, rows)] + 1.2 * dice.standard_normal(
        (rows, _DIM), dtype=np.float32
    )
    vectors *= spectrum
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _mixed(dice: np.random.Generator, real: Floats, rows: int) -> Floats:
    first, second = (real[dice.integers(0, len(real), rows)] for _ in range(2))
    part = dice.uniform(0.6, 0.9, (rows, 1)).astype(np.float32)
    noise = 0.3 / np.sqrt(real.shape[1]) * dice.standard_normal((rows, real.shape[1]), dtype=np.float32)
    mixed = part * first + (1 - part) * second + noise
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), dtype=np.float32)


def _measured(home: Path, queries: Floats) -> list[Row]:
    from chiasm.spaces import SpaceReader

    settings, catalog = _opened(home)
    view = SpaceReader(catalog, settings.spaces_dir, 1).view
    (part,) = view.indexed
    part.segment.guard.require_all()
    rows = [*_recalls(view, queries), *_times(view, part, queries), *_sizes(part), *_childs(home, len(view))]
    catalog.close()
    return rows


def _recalls(view: Any, queries: Floats) -> list[Row]:
    asked = queries[:_RECALL_QUERIES]
    dice = np.random.default_rng(1)
    rows, base, slowest = [], 0.0, 0.0
    for share in (1.0, *_SHARES):
        mask = None if share == 1 else dice.random(len(view)) < share
        scores, found = view.search(asked, _K, mask=mask)
        best = _exact(view, asked, mask)
        there = best[:, -1:] > -np.inf
        recall = float(((scores >= best[:, -1:] - 1e-6) | ~np.isfinite(best)).mean())
        hits = int((found >= 0).sum(axis=1).min()) if there.all() else _K
        name = "recall" if share == 1 else f"recall_filtered_{share * 100:g}"
        rows.append(Row(name, recall, target=">= 0.99", n=len(asked)))
        rows.append(Row(f"hits_{share * 100:g}", hits, unit="fewest of a query", target=f">= {_K}"))
        p50 = _p50(lambda row, mask=mask: view.search(asked[row : row + 1], _K, mask=mask), 200)  # type: ignore[misc]
        rows.append(Row(f"p50_{share * 100:g}", p50 * 1e3, unit="ms", n=200))
        if share == 1:
            base = p50
        slowest = max(slowest, p50)
    rows.append(Row("filtered_p50_vs_unfiltered", slowest / base, unit="ratio", target="<= 8"))
    return rows


def _exact(view: Any, queries: Floats, mask: npt.NDArray[np.bool_] | None) -> Floats:
    part = view.indexed[0]
    best = np.full((len(queries), _K), -np.inf, dtype=np.float32)
    chosen = np.arange(len(view)) if mask is None else np.flatnonzero(mask)
    for start in range(0, len(chosen), 32_768):
        scores = queries @ part.vectors(chosen[start : start + 32_768]).T
        best = -np.sort(-np.concatenate([best, scores], axis=1), axis=1)[:, :_K]
    return best


def _times(view: Any, part: Any, queries: Floats) -> list[Row]:
    bare = _bare(part)
    _threads(1)
    pairs = [_pair(lambda q=q: view.search(q, _K), lambda q=q: bare(q, _K)) for q in _ones(queries, _PAIRS)]  # type: ignore[misc]
    ours, theirs = np.array(pairs).T
    single = float(np.median(ours / theirs))
    _threads(0)
    batches = [queries[at : at + _BATCH] for at in range(0, len(queries) - _BATCH, _BATCH)] * 3
    pairs = [_pair(lambda q=q: view.search(q, _K), lambda q=q: bare(q, _K)) for q in batches]  # type: ignore[misc]
    mine, others = np.array(pairs).T
    ratios = others / mine
    return [
        Row(
            "p50_vs_faiss",
            single,
            "ratio",
            "bare FAISS, same knobs",
            "<= 1.5",
            _spread(ours / theirs),
            len(ours),
        ),
        Row("p50", float(np.median(ours)) * 1e3, "ms", n=len(ours)),
        Row("p50_faiss", float(np.median(theirs)) * 1e3, "ms", n=len(ours)),
        Row(
            "batch_vs_faiss",
            float(np.median(ratios)),
            "ratio",
            "bare FAISS, same knobs",
            ">= 0.80",
            _spread(ratios),
            len(mine),
        ),
        Row("batch", _BATCH / float(np.median(mine)), "queries/s", n=len(mine)),
    ]


def _bare(part: Any) -> Callable[[Floats, int], Any]:
    """The same index and rows, in memory, with the knobs of an unfiltered search."""
    import faiss

    from chiasm.spaces.kinds.base import flat_view

    segment = part.segment
    knob = next(knob for knob in segment.knobs if knob.share == 1 and knob.k == _K)
    index = faiss.read_index(str(segment.folder / "index.faiss"), faiss.IO_FLAG_SKIP_STORAGE)
    flat = flat_view(np.array(segment.block))
    if segment.kind.name == "hnsw":
        index.storage = flat
        index.hnsw.efSearch = knob.effort.breadth
        return lambda q, k: index.search(q, k) and flat
    index.nprobe = knob.effort.breadth
    refined = faiss.IndexRefine(index, flat)
    refined.k_factor = knob.effort.depth
    return lambda q, k: refined.search(q, k) and index and flat


def _sizes(part: Any) -> list[Row]:
    segment = part.segment
    files = {name: int(entry["bytes"]) for name, entry in segment.manifest.files.items()}
    rows = len(segment.ids)
    index = (files["index.faiss"] + files["ids.npy"]) / rows
    knobs = {f"{knob.share:g}@{knob.k}": [*knob.effort, knob.recall] for knob in segment.knobs}
    print(segment.kind.name, json.dumps(knobs))
    return [
        Row("bytes_per_vector", index, "bytes, block not counted", target="<= 480"),
        Row("bytes_vs_float32", index / (4 * segment.dim), "ratio", "float32", "<= 0.35"),
        Row("block_bytes_per_vector", files["block.npy"] / rows, "bytes"),
    ]


def _childs(home: Path, rows: int) -> list[Row]:
    """Processes of their own: from start to first answer, and what they hold after 300 queries."""
    found = []
    for _ in range(5):
        began = time.perf_counter()
        command = [sys.executable, "-m", "benchmarks.spaces", "--child", str(home)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            child.stdout.readline()
            first_s = time.perf_counter() - began
            found.append((first_s, *json.loads(child.stdout.readline())))
    first, before, after, anonymous = np.median(np.array(found), axis=0).tolist()
    return [
        Row("cold_open_s", first, "s, imports included", target="<= 1.0" if rows >= 10**6 else "", n=5),
        Row("resident_bytes_per_vector", (after - before) / rows, "bytes", target="<= 450", n=5),
        Row("anonymous_bytes_per_vector", anonymous / rows, "bytes", n=5),
    ]


def _child(home: Path) -> None:
    from chiasm.spaces import SpaceReader

    queries = np.load(home / "queries.npy")
    settings, catalog = _opened(home)
    import faiss  # noqa: F401  # so that what it holds by itself is not counted

    before = _resident()
    reader = SpaceReader(catalog, settings.spaces_dir, 1)
    reader.search(queries[:1], _K)
    print("answered", flush=True)
    for row in range(300):
        reader.search(queries[row : row + 1], _K)
    after = _resident()
    print(json.dumps([before["Rss"], after["Rss"], after["Anonymous"] - before["Anonymous"]]), flush=True)


def _resident() -> dict[str, int]:
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="utf-8").splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}


def _opened(home: Path) -> tuple[Any, Any]:
    from chiasm.catalog import Catalog
    from chiasm.settings import load_settings

    home.mkdir(parents=True, exist_ok=True)
    settings = load_settings(home)
    return settings, Catalog.open(settings)


def _threads(count: int) -> None:
    import faiss

    faiss.omp_set_num_threads(count or os.cpu_count() or 1)


def _ones(queries: Floats, count: int) -> list[Floats]:
    return [queries[row : row + 1] for row in range(count)]


def _pair(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[float, float]:
    return _timed(ours), _timed(theirs)


def _p50(ask: Callable[[int], Any], count: int) -> float:
    return float(np.median([_timed(lambda row=row: ask(row)) for row in range(count)]))  # type: ignore[misc]


def _timed(ask: Callable[[], Any]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


def _spread(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(values, [10, 90]).tolist()
    return low, high


if __name__ == "__main__":
    main()
