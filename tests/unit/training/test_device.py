"""A training on another device than the CPU: everything is where it has to be."""

import dataclasses
from pathlib import Path

import pytest
import torch
from tests.elsewhere import DEVICE, elsewhere

from chiasm.fusion.runtime import FusionModel
from chiasm.training import train
from chiasm_encoders.device import mixed_precision, resolve_device
from chiasm_encoders.distil import ImageStudentConfig, PairConfig, TextTuningConfig
from chiasm_encoders.distil.config import decisive
from chiasm_encoders.errors import EncoderInputError

#: All tasks that there are, in more than one part, judged after every epoch.
EVERYTHING = {
    "tasks__labels": "0.3", "tasks__hard": "0.3", "tasks__domain": "0.2", "tasks__consistency": "0.2",
    "labels__targets": "[topic]", "hard__memory": "64", "mixing__balance": "uncertainty",
    "training__accumulate": "2", "training__patience": "5",
}  # fmt: skip


def run(snapshot: Path, out: Path, recipe, device: str, stops: int | None = None):
    asked = iter(range(10_000))
    return train(
        snapshot,
        out,
        recipe,
        seed=3,
        report=lambda progress: None,
        stop=lambda: stops is not None and next(asked) >= stops,
        device=device,
    )


def test_it_is_the_training_of_the_cpu(write_snapshot, tiny_recipe, tmp_path) -> None:
    recipe, snapshot = tiny_recipe(**EVERYTHING), write_snapshot()
    here = run(snapshot, tmp_path / "here", recipe, "cpu")
    with elsewhere():
        there = run(snapshot, tmp_path / "there", recipe, str(DEVICE))
    assert there.fingerprint == here.fingerprint
    assert there.metrics["training"] == here.metrics["training"]
    assert there.metrics["links"] == here.metrics["links"]
    for name in ("fusion/model.safetensors", "fusion/fill.safetensors", "labels/heads.safetensors"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    # And is opened anywhere.
    assert FusionModel.load(tmp_path / "there").fingerprint == here.fingerprint


def test_it_goes_on_after_a_stop(write_snapshot, tiny_recipe, tmp_path) -> None:
    recipe, snapshot = tiny_recipe(), write_snapshot()
    whole = run(snapshot, tmp_path / "whole", recipe, "cpu")
    from chiasm.training import Stopped

    with elsewhere():
        with pytest.raises(Stopped):
            run(snapshot, tmp_path / "cut", recipe, str(DEVICE), stops=6)
        assert (tmp_path / "cut" / "checkpoint.safetensors").is_file()
        # A checkpoint is of no device: what began there may end here, and the other way round.
        after = run(snapshot, tmp_path / "cut", recipe, str(DEVICE))
    assert after.fingerprint == whole.fingerprint


def test_a_run_is_known_again_on_another_device() -> None:
    for config in (ImageStudentConfig(), TextTuningConfig(), PairConfig()):
        assert decisive(dataclasses.replace(config, device="cuda:3")) == decisive(config)
        assert decisive(dataclasses.replace(config, learning_rate=0.5)) != decisive(config)


def test_a_gpu_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(EncoderInputError, match="2 GPUs are found"):
        resolve_device("cuda:2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(EncoderInputError, match="no GPU is found"):
        resolve_device("cuda")


def test_the_other_device_is_strict() -> None:
    with elsewhere() as device:
        weights = torch.ones(3, 2).to(device)
        assert weights.device == device
        assert (weights + weights).sum().item() == 12
        for wrong in (
            lambda: weights + torch.ones(3, 2),
            lambda: torch.cat([weights, torch.ones(1, 2)]),
            lambda: torch.ones(4)[torch.arange(2, device=device)],
            lambda: weights.index_put((torch.arange(2),), torch.ones(2, 2)),
        ):
            with pytest.raises(RuntimeError):
                wrong()


def test_half_precision_is_bf16_or_none() -> None:
    with mixed_precision(torch.device("cpu"), training=True) as told:
        assert told.fast_dtype == torch.bfloat16
        assert told._enabled == torch.cpu._is_avx512_bf16_supported()
