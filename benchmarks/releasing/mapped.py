"""What a learned map between two releases keeps of the new one's answers while nothing is embedded anew."""

from __future__ import annotations

import os
import shutil
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from sqlalchemy import select

import chiasm
from benchmarks.catalogue import Figures, answer, fill
from benchmarks.rows import Row
from benchmarks.shared_data import shared_data
from chiasm.catalog import Catalog
from chiasm.catalog.models import Embedding, Release, Space
from chiasm.fusion.space_map import fit_space_map
from chiasm.jobs import worker_present
from chiasm.releases import promote
from chiasm.releases.catching_up import spaces_of
from chiasm.settings import Settings, load_settings
from chiasm.spaces import SpaceReader, write_segment

__all__ = ["map_retention"]

#: Another width, seed and text encoder than the first release's.
OTHER = {"fusion.dim": "192", "fusion.width": "192", "encoders.text_tuning.steps": "30"}
_LINES = ("text_hit10", "variant_hit1", "audio_class1", "audio_emoji10")


def map_retention(work: Path) -> list[Row]:
    """Train two releases in one home; in another the first answers, and the second takes over through the map.

    Rows are shares of the second release's own figures: with no vector of its own at all, and as the product leaves it,
    which makes a sample first.
    """
    data = shared_data()
    os.environ["CHIASM_BUNDLE_KEY"] = "both homes are ours, and only the benchmark reads them"
    # The worker that is started for a job ends soon after it: what stands in must not be made while it is asked.
    os.environ["CHIASM_IDLE_S"] = "1"
    whole: Figures = defaultdict(list)
    work.mkdir(parents=True, exist_ok=True)
    bundles = [work / "first.chiasm", work / "second.chiasm"]
    with chiasm.open(work / "trained") as kb:
        if not bundles[1].exists():
            _train_both(kb, data, work, bundles)
        answer(kb, data, "full", whole, valid=False)
    shutil.rmtree(work / "mapped", ignore_errors=True)
    with chiasm.open(work / "mapped") as kb:
        fill(kb, data, "full", work)
        first = kb.releases.load(bundles[0]).wait().result["release"]
        kb.releases.promote(first)
        second = kb.releases.load(bundles[1], at_once=True).wait().result["release"]
        told = kb.releases.show(second)["gate"]["mapped"]
        print(told, flush=True)
    settings = load_settings(work / "mapped")
    while worker_present(settings, ("ingest", "train")):
        time.sleep(0.5)
    with closing(Catalog.open(settings)) as catalog:
        promote(catalog, catalog.workspace_id("default"), second)
        sampled = _figures(work, data)
        _map_all(settings, catalog, first, second)
    mapped = _figures(work, data)
    rows = [_row(name, mapped[name], whole[name][0], "") for name in _LINES]
    kept = float(np.mean([row.value for row in rows]))
    rows.insert(
        0, Row("map_retention", kept, "ratio", "the new release's own figures, mean of the lines", ">= 0.90")
    )
    rows += [_row(name, sampled[name], whole[name][0], "_sampled") for name in _LINES]
    rows += [
        Row(f"map_{kind}_{name}", one[name], "share", f"{one['pairs']} pairs, a fifth held out")
        for kind, one in told.items()
        for name in ("cosine", "kept")
    ]
    return rows


def _train_both(kb: Any, data: Path, work: Path, bundles: Sequence[Path]) -> None:
    fill(kb, data, "full", work)
    for seed, (overrides, bundle) in enumerate(zip(({}, OTHER), bundles, strict=True)):
        started = time.perf_counter()
        told = kb.train(seed=seed, overrides=overrides, promote="force").wait().result
        print(f"{told['release']} {told['state']} in {time.perf_counter() - started:.0f} s", flush=True)
        kb.releases.export(bundle, told["release"])


def _figures(work: Path, data: Path) -> Mapping[str, np.ndarray]:
    found: Figures = defaultdict(list)
    with chiasm.open(work / "mapped") as kb:
        answer(kb, data, "full", found, valid=False)
    return {name: values[0] for name, values in found.items()}


def _row(name: str, ours: np.ndarray, theirs: np.ndarray, kind: str) -> Row:
    value = float(ours.mean() / theirs.mean())
    # Both answered the same queries: they are drawn together.
    draws = np.random.default_rng(0).integers(0, len(ours), (2000, len(ours)))
    ratios = ours[draws].mean(axis=1) / np.maximum(theirs[draws].mean(axis=1), 1e-9)
    spread = (float(np.quantile(ratios, 0.025)), float(np.quantile(ratios, 0.975)))
    about = f"{theirs.mean():.3f} of its own"
    return Row(f"map_retention_{name}{kind}", value, "ratio", about, spread=spread, n=len(ours))


def _map_all(settings: Settings, catalog: Catalog, first: str, second: str) -> None:
    """Put mapped vectors in the place of those that the sample was made of, too: none of the second release's is left."""
    home: Any = SimpleNamespace(catalog=catalog, settings=settings)
    with catalog.read() as session:
        numbers = {row.name: row.id for row in session.scalars(select(Release))}
    old, new = (spaces_of(home, numbers[name]) for name in (first, second))
    for kind in new:
        if old[kind].id != new[kind].id:
            _map_made(settings, catalog, old[kind], new[kind])


def _map_made(settings: Settings, catalog: Catalog, old: Space, new: Space) -> None:
    with catalog.read() as session:
        made = select(Embedding.item_id).where(Embedding.space_id == new.id, Embedding.mapped.is_(None))
        ids = np.asarray(session.scalars(made).all(), dtype=np.int64)
    before, after = (SpaceReader(catalog, settings.spaces_dir, space.id).vectors(ids) for space in (old, new))
    both = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
    ids, before, after = ids[both], before[both], after[both]
    print(f"{new.kind}: {len(ids)} vectors of its own, mapped as well", flush=True)
    # Each half through what was learned on the other: a vector must not be known to its own map.
    halves = np.random.default_rng(0).integers(0, 2, len(ids)).astype(bool)
    for half in (halves, ~halves):
        found = fit_space_map(before[~half], after[~half])
        pending = write_segment(catalog, settings.spaces_dir, new.id, ids[half], found.apply(before[half]))
        with catalog.write() as session:
            pending.commit(session, mapped=True)
