import json

import numpy as np
import pytest
import torch

from chiasm.errors import InputError
from chiasm.fusion.runtime import FusionModel
from chiasm.training import Snapshot, Stopped, judge_release, train
from chiasm.training.dataset import Dataset
from chiasm.training.fitting import FusionFit
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


def test_losses_are_kept_by_step_and_labels_judged(tmp_path, write_snapshot, tiny_recipe):
    folder = write_snapshot()
    recipe = tiny_recipe(
        tasks__labels="0.5", tasks__hard="0.5", tasks__domain="0.1", tasks__consistency="0.1",
        labels__targets="[topic, has_word]", hard__memory="40", hard__negatives="4",
        mixing__balance="uncertainty",
        mixing__schedules="{labels: cosine, modality_dropout: linear, views: linear_down}",
        training__epochs="30", training__learning_rate="0.01", training__checkpoint_steps="7",
    )  # fmt: skip
    result = run(folder, tmp_path / "out", recipe)
    curves = result.metrics["training"]
    assert set(curves["losses"]) == {
        "views", "words", "graph", "masked", "labels", "hard", "domain", "consistency"
    }  # fmt: skip
    labels = curves["losses"]["labels"]
    assert labels[-1] < 0.8 * labels[0] and len(curves["steps"]) == len(labels)
    topic, word = result.metrics["labels"]
    assert topic["by"] == "head" and topic["classes"] == 8 and topic["accuracy"] > 0.5
    assert word["kind"] == "relation" and word["n"] > 0
    # Judged again from the release's own files: the same heads.
    assert judge_release(folder, tmp_path / "out")["labels"] == result.metrics["labels"]
    left = iter([False] * 10)
    with pytest.raises(Stopped):
        run(folder, tmp_path / "broken", recipe, stop=lambda: next(left, True))
    again = run(folder, tmp_path / "broken", recipe)
    assert again.fingerprint == result.fingerprint and again.metrics == result.metrics


def test_tasks_that_are_off_change_nothing(tmp_path, write_snapshot, tiny_recipe):
    folder = write_snapshot(count=30)
    plain = run(folder, tmp_path / "plain", tiny_recipe(training__epochs="1"))
    ready = tiny_recipe(
        training__epochs="1", hard__memory="40", domain__loss="mmd", labels__targets="[topic, has_word]"
    )
    assert run(folder, tmp_path / "ready", ready).fingerprint == plain.fingerprint


def test_every_pattern_of_what_is_there_is_judged(tmp_path, write_snapshot, tiny_recipe):
    metrics = run(write_snapshot(), tmp_path / "out", tiny_recipe()).metrics
    missing = metrics["missing"]["text"]
    assert set(missing) == {"text", "image", "graph", "patterns"}
    patterns = {tuple(row["present"]): row for row in missing["patterns"]}
    assert len(patterns) == 7 and patterns["text", "image", "graph"]["of_full"] == 1
    assert patterns["text", "image", "graph"]["excluded"] == 0
    assert patterns[("image",)]["excluded"] >= 1
    points = metrics["map"]["points"]
    assert len(points) == 60 and {p[2] for p in points} == {0, 1} and 0 < metrics["map"]["energy"] <= 1
    # Nobody asked for labels: the space is probed for the attribute that suits.
    assert [(row["target"], row["by"]) for row in metrics["labels"]] == [("topic", "probe")]


def test_domain_losses_of_both_kinds_and_parts_of_a_batch(tmp_path, write_snapshot, tiny_recipe):
    folder = write_snapshot()
    for number, loss in enumerate(("coral", "mmd")):
        recipe = tiny_recipe(
            tasks__domain="1", domain__loss=loss, training__accumulate="2", training__epochs="1"
        )
        result = run(folder, tmp_path / str(number), recipe)
        assert "domain" in result.metrics["training"]["losses"]


def test_training_ends_early_with_the_best_weights(tmp_path, write_snapshot, tiny_recipe):
    folder = write_snapshot()
    patient = run(folder, tmp_path / "out", tiny_recipe(training__patience="2", training__epochs="30"))
    steps = patient.metrics["training"]["steps"][-1]
    full = run(folder, tmp_path / "full", tiny_recipe(training__epochs="3")).metrics["training"]["steps"][-1]
    assert full <= steps < 10 * full
    # Stopped after it had seen its best, and resumed: the same end.
    left = iter([False] * (steps - 1 + 3))
    with pytest.raises(Stopped):
        run(
            folder,
            tmp_path / "broken",
            tiny_recipe(training__patience="2", training__epochs="30"),
            stop=lambda: next(left, True),
        )
    again = run(folder, tmp_path / "broken", tiny_recipe(training__patience="2", training__epochs="30"))
    assert again.fingerprint == patient.fingerprint


def test_a_loss_that_is_no_number_ends_training_with_a_reason(tmp_path, write_snapshot, tiny_recipe):
    recipe = tiny_recipe(training__learning_rate="1e30", training__epochs="4", training__warmup_ratio="0")
    with pytest.raises(InputError, match=r"is no number at step .*learning_rate"):
        run(write_snapshot(), tmp_path / "out", recipe)
    assert not (tmp_path / "out" / "release.json").exists()


def test_a_batch_without_room_is_cut_in_halves(tmp_path, write_snapshot, tiny_recipe, monkeypatch, caplog):
    whole, sizes = FusionFit.forward, []

    def narrow(self, batch):
        if batch.num_views > 16:
            raise torch.OutOfMemoryError("CUDA out of memory")
        sizes.append(batch.num_views)
        return whole(self, batch)

    monkeypatch.setattr(FusionFit, "forward", narrow)
    result = run(write_snapshot(), tmp_path / "out", tiny_recipe(training__epochs="1"))
    assert result.fingerprint and set(sizes) == {16} and "cut into 2 parts" in caplog.text
    with pytest.raises(torch.OutOfMemoryError):
        monkeypatch.setattr(FusionFit, "forward", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError()))
        run(write_snapshot(), tmp_path / "none", tiny_recipe(training__epochs="1"))


def test_one_entity_is_enough_for_a_release(tmp_path, write_snapshot, tiny_recipe):
    result = run(
        write_snapshot(count=1, words=0, edges=False), tmp_path / "out", tiny_recipe(training__epochs="1")
    )
    assert FusionModel.load(tmp_path / "out").fuse([{"text": np.ones((1, 16))}]).shape == (1, 32)
    assert result.metrics["retrieval"] == [] and result.metrics["missing"] == {}


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
