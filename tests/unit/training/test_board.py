"""What TensorBoard is given, read by its own reader."""

from __future__ import annotations

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from chiasm.errors import MissingDependencyError
from chiasm.training import Stopped, train
from chiasm.training import board as board_module


def run(snapshot, out, recipe, board, stop=lambda: False):
    return train(snapshot, out, recipe, seed=3, report=lambda p: None, stop=stop, board=board)


def curves(folder):
    reader = EventAccumulator(str(folder)).Reload()
    return {
        tag: [(event.step, event.value) for event in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]
    }


def test_losses_rate_and_the_valid_figure(tmp_path, write_snapshot, tiny_recipe):
    folder, recipe = write_snapshot(), tiny_recipe(training__patience="9", training__epochs="3")
    kept = run(folder, tmp_path / "out", recipe, tmp_path / "board").metrics["training"]
    found = curves(tmp_path / "board")
    assert {f"loss/{name}" for name in kept["losses"]} | {
        "training/rate", "training/waited_s", "valid/hit10"
    } == set(found)  # fmt: skip
    for name, values in kept["losses"].items():
        steps = [
            (step, value) for step, value in zip(kept["steps"], values, strict=True) if value is not None
        ]
        assert found[f"loss/{name}"] == [(step, pytest.approx(value, abs=1e-4)) for step, value in steps]
    assert len(found["valid/hit10"]) == 3


def test_a_run_that_resumes_goes_on_in_the_same_curves(tmp_path, write_snapshot, tiny_recipe):
    folder, recipe = write_snapshot(), tiny_recipe(training__checkpoint_steps="2", training__epochs="4")
    whole = run(folder, tmp_path / "whole", recipe, tmp_path / "board")
    left = iter([False] * 7)
    with pytest.raises(Stopped):
        run(folder, tmp_path / "broken", recipe, tmp_path / "again", stop=lambda: next(left, True))
    again = run(folder, tmp_path / "broken", recipe, tmp_path / "again")
    assert again.fingerprint == whole.fingerprint
    once, twice = curves(tmp_path / "board"), curves(tmp_path / "again")
    assert once.pop("training/waited_s") and twice.pop("training/waited_s")
    assert once == twice


def test_training_goes_on_where_no_curves_can_be_written(tmp_path, write_snapshot, tiny_recipe, caplog):
    (tmp_path / "file").write_text("no folder")
    folder = write_snapshot()
    result = run(folder, tmp_path / "out", tiny_recipe(), tmp_path / "file" / "board")
    assert result.fingerprint == run(folder, tmp_path / "plain", tiny_recipe(), None).fingerprint
    assert "no more curves" in caplog.text and str(tmp_path / "file") in caplog.text


def test_without_the_package_it_says_what_to_install(tmp_path, write_snapshot, tiny_recipe, monkeypatch):
    monkeypatch.setattr(board_module, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="not installed") as caught:
        run(write_snapshot(), tmp_path / "out", tiny_recipe(), tmp_path / "board")
    assert "chiasm[tensorboard]" in caught.value.remedy and not (tmp_path / "out").exists()
