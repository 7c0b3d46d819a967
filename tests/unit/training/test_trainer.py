import json

import numpy as np
import pytest

from chiasm.errors import InputError
from chiasm.fusion.runtime import FusionModel
from chiasm.training import Snapshot, Stopped, train
from chiasm.training.dataset import Dataset
from chiasm.training.holdout import visible
from chiasm.training.index import index_entities


def run(snapshot, out, recipe, stop=lambda: False, reports=None):
    return train(
        snapshot,
        out,
        recipe,
        seed=3,
        report=lambda p: reports.append(p) if reports is not None else None,
        stop=stop,
    )


def test_a_run_leaves_a_release_that_answers(tmp_path, write_snapshot, tiny_recipe):
    reports = []
    folder = write_snapshot()
    result = run(folder, tmp_path / "out", tiny_recipe(), reports=reports)
    ratios = [p.ratio for p in reports]
    assert ratios == sorted(ratios) and ratios[-1] == 1
    release = json.loads((tmp_path / "out" / "release.json").read_text())
    assert (
        set(release["encoders"]) == {"text", "image"}
        and release["fusion"]["fingerprint"] == result.fingerprint
    )
    rows = {(r["query"], r["target"]) for r in result.metrics["retrieval"]}
    assert ("text", "any") in rows and ("image", "text") in rows
    for key in ("baselines", "missing", "links", "labels", "domains", "students"):
        assert key in result.metrics
    assert set(result.metrics["links"]) == {"n", "mrr", "hits@1", "hits@3", "hits@10"}
    model = FusionModel.load(tmp_path / "out")
    assert model.fuse([{"text": np.ones((1, 16))}]).shape == (1, 32)
    assert run(folder, tmp_path / "out", tiny_recipe()).fingerprint == result.fingerprint


def test_stopped_and_resumed_ends_where_an_unbroken_run_does(tmp_path, write_snapshot, tiny_recipe):
    folder = write_snapshot()
    whole = run(folder, tmp_path / "whole", tiny_recipe())
    left = iter([False] * 4)
    with pytest.raises(Stopped):
        run(folder, tmp_path / "broken", tiny_recipe(), stop=lambda: next(left, True))
    assert not (tmp_path / "broken" / "release.json").exists()
    again = run(folder, tmp_path / "broken", tiny_recipe())
    assert again.fingerprint == whole.fingerprint
    assert again.metrics == whole.metrics


def test_a_checkpoint_with_a_flipped_bit_is_not_resumed(tmp_path, write_snapshot, tiny_recipe, caplog):
    folder = write_snapshot()
    whole = run(folder, tmp_path / "whole", tiny_recipe())
    left = iter([False] * 4)
    with pytest.raises(Stopped):
        run(folder, tmp_path / "broken", tiny_recipe(), stop=lambda: next(left, True))
    for path in (tmp_path / "broken").rglob("checkpoint.safetensors"):
        content = bytearray(path.read_bytes())
        content[len(content) * 3 // 4] ^= 1
        path.write_bytes(content)
    assert run(folder, tmp_path / "broken", tiny_recipe()).fingerprint == whole.fingerprint
    assert "checkpoint.safetensors differs from its checksum" in caplog.text


@pytest.mark.parametrize(
    "kind", [{"without": ("text",)}, {"without": ("image",)}, {"edges": False}, {"count": 10}, {"count": 10, "edges": False, "without": ("text",)}]  # noqa: E501
)  # fmt: skip
def test_any_part_may_be_absent(tmp_path, write_snapshot, tiny_recipe, kind):
    result = run(write_snapshot(**kind), tmp_path / "out", tiny_recipe(training__epochs="1"))
    assert result.fingerprint
    model = FusionModel.load(tmp_path / "out")
    assert not set(kind.get("without", ())) & set(model.modalities)


def test_nothing_to_learn_from(tmp_path, write_snapshot, tiny_recipe):
    with pytest.raises(InputError, match="nothing to learn from"):
        run(write_snapshot(without=("text", "image")), tmp_path / "out", tiny_recipe())


def test_entities_with_nothing_but_edges_are_indexed(tmp_path, write_snapshot, tiny_recipe):
    folder = write_snapshot()
    run(folder, tmp_path / "out", tiny_recipe(training__epochs="1"))
    data, model = Dataset.read(Snapshot.open(folder)), FusionModel.load(tmp_path / "out")
    vectors, present = index_entities(model, data, np.ones(len(data.entity), bool), data.graph, np.arange(60))
    # Of the last one the only name is missing too when its word is: it has an edge to another entity.
    assert present[59] and data.indptr[59] == data.indptr[60]
    np.testing.assert_allclose(np.linalg.norm(vectors[present], axis=1), 1, rtol=1e-5)


def test_held_out_things_leave_no_trace(write_snapshot):
    data = Dataset.read(Snapshot.open(write_snapshot()))
    seen = visible(data, ("test",))
    assert not seen.assets[data.split == "test"].any()
    assert not np.isin(data.content[seen.assets], data.content[data.split == "test"]).any()
    gone = np.flatnonzero(data.triple_split == "test")
    pairs = {frozenset((int(data.graph.heads[i]), int(data.graph.tails[i]))) for i in gone}
    assert not any(
        frozenset(p) in pairs for p in zip(seen.graph.heads.tolist(), seen.graph.tails.tolist(), strict=False)
    )
    words = np.flatnonzero(seen.words)
    assert len(words) and (seen.graph.degrees()[words] == 0).all()
