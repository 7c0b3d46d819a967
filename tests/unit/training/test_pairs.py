"""A catalogue of pictures and sounds without a word: what one entity has belongs together."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from chiasm.errors import RecipeError
from chiasm.fusion.anchors import start_from_anchors
from chiasm.fusion.recipe import FusionConfig
from chiasm.fusion.runtime import FusionModel
from chiasm.fusion.transformer import build_fusion
from chiasm.training import Snapshot, SnapshotWriter, Stopped, train
from chiasm.training.baselines import single_spaces
from chiasm.training.dataset import Dataset
from chiasm.training.evaluation import Bench
from chiasm.training.holdout import visible
from chiasm.training.pairs import teaches_pairs
from chiasm.training.students import student_of
from chiasm_encoders.testing.toy import toy_clips, toy_drawings

SMALL = {
    "encoders.image.student": "{size: 32, widths: [8, 16], mirror: 0, augment: 0.5}",
    "encoders.audio.student": "{mels: 16, window: 256, hop: 128, widths: [8, 16], augment: 0.5, dropout: 0}",
    "encoders.pairs": "{epochs: 12, batch: 8, dim: 8, warmup_steps: 2}",
}
COUNT = 30


@pytest.fixture
def write_media(tmp_path) -> Callable[..., Path]:
    """Drawings and clips of three kinds, an entity a kind; ``apart`` gives each item an entity of its own."""

    def write(*, apart: bool = False, text: bool = False, sounds: bool = True) -> Path:
        folder = tmp_path / f"snapshot-{apart}-{text}-{sounds}"
        entities = 2 * COUNT if apart else 3
        writer = SnapshotWriter(folder, "test", 1, [], {"text": "t"} if text else {})
        writer.add_entities(
            {
                "id": list(range(entities)),
                "key": [f"e:{n}" for n in range(entities)],
                "domain": ["things"] * entities,
                "title": [None] * entities,
                "stub": [False] * entities,
                "split": ["train"] * entities,
            }
        )
        rows: list[tuple] = []
        for modality in ("image", "audio") if sounds else ("image",):
            for n in range(COUNT):
                owner = n + COUNT * (modality == "audio") if apart else n % 3
                split = ("train", "train", "train", "valid", "test")[n // 3 % 5]
                rows.append((owner, modality, split, None, n))
        if text:
            rows += [(n, "text", "train", f"kind {n}", n) for n in range(3)]
            writer.write_features("text", np.eye(3, 4))
        names = ("entity", "modality", "split", "value", "row")
        columns: dict[str, list] = {
            name: [row[at] for row in sorted(rows, key=lambda r: r[0])] for at, name in enumerate(names)
        }
        columns["id"] = list(range(len(rows)))
        columns["sha256"] = [f"{n:064d}" for n in range(len(rows))]
        columns["lang"] = columns["role"] = [None] * len(rows)
        writer.add_assets(columns)
        writer.add_triples({name: [] for name in ("head", "relation", "tail", "split")})
        writer.image_array(COUNT, 32)[:] = toy_drawings(COUNT)
        if sounds:
            clips = toy_clips(COUNT)
            flat, offsets = writer.audio_array([len(clip) for clip in clips])
            for n, clip in enumerate(clips):
                flat[offsets[n] : offsets[n + 1]] = (clip * 32767).astype(np.int16)
        writer.close()
        return folder

    return write


def run(snapshot, out, recipe, *, stop=lambda: False, reports=None):
    def report(progress):
        if reports is not None:
            reports.append(progress)

    return train(snapshot, out, recipe, seed=0, report=report, stop=stop)


def test_pictures_and_sounds_find_each_other(tmp_path, write_media, tiny_recipe):
    reports: list = []
    folder, out = write_media(), tmp_path / "out"
    result = run(folder, out, tiny_recipe(**SMALL), reports=reports)
    assert "paired students" in {p.stage for p in reports}
    ratios = [p.ratio for p in reports]
    assert ratios == sorted(ratios) and ratios[-1] == 1
    encoders = json.loads((out / "release.json").read_text())["encoders"]
    assert {name: entry["spec"] for name, entry in encoders.items()} == {
        "image": "student:image",
        "audio": "student:audio",
    }
    assert encoders["audio"]["shared_columns"] == [0, 8]
    assert {(row["query"], row["target"]) for row in result.metrics["retrieval"]} >= {("audio", "any")}
    model, snapshot = FusionModel.load(out), Snapshot.open(folder)
    seen, heard = (
        model.fuse([{modality: vector} for vector in student_of(modality, snapshot, out / modality).features])
        for modality in ("image", "audio")
    )
    kind, held = np.arange(COUNT) % 3, np.arange(COUNT) // 3 % 5 >= 3
    assert (kind[held][(heard[held] @ seen[held].T).argmax(1)] == kind[held]).mean() >= 0.8


def test_late_fusion_may_compare_what_a_pair_shares(tmp_path, write_media, tiny_recipe):
    folder, out = write_media(), tmp_path / "out"
    run(folder, out, tiny_recipe(**SMALL))
    snapshot = Snapshot.open(folder)
    made = {m: student_of(m, snapshot, out / m) for m in ("image", "audio")}
    data = Dataset.read(
        snapshot, {m: s.features for m, s in made.items()}, {m: s.shared_columns for m, s in made.items()}
    )
    bench = Bench(FusionModel.load(out), data, visible(data, ("test",)), "test")
    queries = bench.by_modality()["audio"]
    spaces = single_spaces(bench, queries)
    assert set(spaces) == {"audio mean", "audio max", "audio near", "image mean"}
    right = np.array([columns[0] for columns in bench.expected(queries)])
    assert (spaces["image mean"].argmax(1) == right).mean() >= 0.8


def test_stopped_and_resumed_ends_where_an_unbroken_run_does(tmp_path, write_media, tiny_recipe):
    folder, recipe = write_media(), tiny_recipe(**SMALL)
    whole = run(folder, tmp_path / "whole", recipe)
    left = iter([False] * 6)
    with pytest.raises(Stopped):
        run(folder, tmp_path / "broken", recipe, stop=lambda: next(left, True))
    assert run(folder, tmp_path / "broken", recipe).fingerprint == whole.fingerprint


@pytest.mark.parametrize(
    ("media", "recipe", "teaches"),
    [
        ({}, {}, True),
        ({"text": True}, {}, False),
        ({"apart": True}, {}, False),
        ({"sounds": False}, {}, False),
        ({}, {"encoders.pairs": "null"}, False),
        ({}, {"encoders.image.encoder": "hash:8"}, False),
    ],
)
def test_when_pairs_teach(write_media, tiny_recipe, media, recipe, teaches):
    snapshot = Snapshot.open(write_media(**media))
    data = Dataset.read(snapshot)
    seen = visible(data, ("valid", "test"))
    assert teaches_pairs(snapshot, data, seen, tiny_recipe(**recipe)) is teaches


def test_an_unknown_option_is_named(tmp_path, write_media, tiny_recipe):
    with pytest.raises(RecipeError, match=r"encoders\.pairs: unknown key warmth"):
        run(write_media(), tmp_path / "out", tiny_recipe(**{**SMALL, "encoders.pairs": "{warmth: 1}"}))


def test_a_pair_starts_in_one_space():
    """Without text, what two students share is one space for the fusion too; the rest of a vector has no part in it."""
    generator = np.random.default_rng(0)
    common = generator.normal(size=(6, 4)).astype(np.float32)
    image = np.concatenate([common, generator.normal(size=(6, 3))], axis=1).astype(np.float32)
    audio = np.concatenate([generator.normal(size=(6, 2)), common], axis=1).astype(np.float32)
    fusion = build_fusion(FusionConfig(dim=8, prefixes=(), width=8, heads=2), {"image": 7, "audio": 6})
    there = np.ones(6, dtype=np.bool_)
    start_from_anchors(
        fusion, None, {"image": (image, there), "audio": (audio, there)}, {"image": (0, 4), "audio": (2, 6)}
    )
    with torch.no_grad():
        seen = fusion.projections["image"](torch.from_numpy(image))
        heard = fusion.projections["audio"](torch.from_numpy(audio))
    torch.testing.assert_close(seen, heard)
    torch.testing.assert_close(seen @ seen.T, torch.from_numpy(common @ common.T), rtol=1e-4, atol=1e-4)
