import shutil

import numpy as np
import pytest
import torch

from chiasm.errors import DamagedError, InputError, StampError
from chiasm.fusion.runtime import FusionModel
from chiasm.training import Snapshot, train
from chiasm.training.dataset import Dataset
from chiasm.training.fitting import build_fit
from chiasm.training.holdout import visible
from chiasm.training.views import ViewSampler
from chiasm.training.warm_start import WarmStart


def run(snapshot, out, recipe, parent=None, seed=3):
    return train(snapshot, out, recipe, seed=seed, report=lambda _: None, stop=lambda: False, parent=parent)


def fresh(snapshot, recipe, seed=9):
    data = Dataset.read(Snapshot.open(snapshot))
    seen = visible(data, ("valid", "test"))
    return build_fit(data, ViewSampler(data, seen.assets, seen.graph, recipe, seed), seen.graph, recipe, seed)


@pytest.fixture
def first(tmp_path, write_snapshot, tiny_recipe):
    folder = write_snapshot(count=40)
    run(folder, tmp_path / "first", tiny_recipe(training__epochs="3", training__learning_rate="0.01"))
    return tmp_path / "first"


def test_a_release_goes_on_from_another(tmp_path, write_snapshot, tiny_recipe, first):
    more = write_snapshot(count=80, name="more")
    still = tiny_recipe(training__epochs="0")
    result = run(more, tmp_path / "still", still, first)
    # Not a step: the weights of the first, for a catalog that has grown.
    vectors = np.random.default_rng(0).normal(size=(4, 1, 16))
    old, new = (FusionModel.load(f).fuse([{"text": v} for v in vectors]) for f in (first, tmp_path / "still"))
    np.testing.assert_array_equal(old, new)
    start = result.metrics["start"]
    assert set(start) == {"left", "right"}
    assert all(row["before"] == row["after"] and row["forgotten"] == 0 and row["n"] for row in start.values())
    moved = run(more, tmp_path / "moved", tiny_recipe(), first)
    alone = run(more, tmp_path / "alone", tiny_recipe())
    assert len({result.fingerprint, moved.fingerprint, alone.fingerprint}) == 3
    assert "start" not in alone.metrics
    # The same folder asked to begin elsewhere is another run, and the same asked again is finished.
    assert run(more, tmp_path / "moved", tiny_recipe(), first).fingerprint == moved.fingerprint
    assert run(more, tmp_path / "moved", tiny_recipe()).fingerprint == alone.fingerprint


def test_relations_are_taken_over_by_name(write_snapshot, tiny_recipe, first):
    recipe = tiny_recipe()
    fit = fresh(write_snapshot(count=40), recipe)
    begun = WarmStart.open(first, recipe)
    renamed = WarmStart(first, begun.about, {**begun.config, "predicates": ["next_to", "gone"]})
    learned = FusionModel.load(first)._gnn.convs[0].composition.detach()
    started = fit.gnn.convs[0].composition.detach().clone()
    renamed.load_into(fit, ["has_word", "next_to"])
    taken = fit.gnn.convs[0].composition.detach()
    # The old first is the new second, forwards and backwards; what is not known starts as ever.
    torch.testing.assert_close(taken[[1, 3]], learned[[0, 2]], rtol=0, atol=0)
    torch.testing.assert_close(taken[[0, 2]], started[[0, 2]], rtol=0, atol=0)


def test_what_cannot_be_gone_on_from(tmp_path, write_snapshot, tiny_recipe, first):
    snapshot = write_snapshot(count=40)
    with pytest.raises(InputError, match=r"fusion.dim 32, the recipe 16"):
        run(snapshot, tmp_path / "out", tiny_recipe(fusion__dim="16", fusion__prefixes="[8]"), first)
    begun = WarmStart.open(first, tiny_recipe())
    begun.check_encoders({"text": "t", "audio": "new"})
    with pytest.raises(StampError, match="text features are of another encoder"):
        begun.check_encoders({"text": "other"})
    damaged = tmp_path / "damaged"
    shutil.copytree(first, damaged)
    content = bytearray((damaged / "fusion/model.safetensors").read_bytes())
    content[-1] ^= 1
    (damaged / "fusion/model.safetensors").write_bytes(content)
    with pytest.raises(DamagedError):
        run(snapshot, tmp_path / "out", tiny_recipe(), damaged)


def test_own_encoders_are_kept_as_files(tmp_path, first, tiny_recipe):
    begun = WarmStart.open(first, tiny_recipe())
    assert not begun.has_own("text")
    about = {
        **begun.about,
        "encoders": {"image": {"spec": "student:image"}},
        "files": {"image/model.safetensors": "", "imagery.txt": ""},
    }
    (first / "image").mkdir()
    (first / "image/model.safetensors").write_bytes(b"weights")
    (first / "image/checkpoint.safetensors").write_bytes(b"not part of the release")
    own = WarmStart(first, about, begun.config)
    assert own.has_own("image")
    kept = own.keep_encoder("image", tmp_path / "new")
    assert [path.name for path in kept.iterdir()] == ["model.safetensors"]
