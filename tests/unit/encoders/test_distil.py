"""Students train on anything, resume exactly, stop when asked and learn something."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from chiasm_encoders import SupervisionError, TrainingStopped, Waveform, load_encoder
from chiasm_encoders.distil import (
    AudioStudentConfig,
    ImageStudentConfig,
    train_audio_student,
    train_image_student,
    training_vectors,
)
from chiasm_encoders.testing.toy import toy_clips, toy_drawings, toy_supervision

TINY = {"widths": (8, 16), "batch": 8, "epochs": 3, "graph_dim": 8, "instance_dim": 8, "warmup_steps": 2}
TINY_IMAGE = ImageStudentConfig(size=32, **TINY)
TINY_AUDIO = AudioStudentConfig(mels=16, window=256, hop=128, **TINY)


def never():
    return False


def train_pictures(out, items=12, config=TINY_IMAGE, *, stop=never, seed=0, **kinds):
    return train_image_student(
        toy_drawings(items),
        toy_supervision(items, **kinds),
        config,
        seed=seed,
        out=out,
        report=lambda *_: None,
        stop=stop,
    )


def train_sounds(out, items=12, config=TINY_AUDIO, *, stop=never, seed=0, **kinds):
    return train_audio_student(
        toy_clips(items),
        8000,
        toy_supervision(items, **kinds),
        config,
        seed=seed,
        out=out,
        report=lambda *_: None,
        stop=stop,
    )


TRAINERS = pytest.mark.parametrize("train", [train_pictures, train_sounds])


@TRAINERS
def test_stopped_and_resumed_equals_one_run(train, tmp_path):
    whole = train(tmp_path / "whole")
    asked = iter([False, False, True])
    with pytest.raises(TrainingStopped):
        train(tmp_path / "parts", stop=lambda: next(asked))
    assert (tmp_path / "parts/checkpoint.safetensors").is_file()
    assert not (tmp_path / "parts/config.json").exists()
    parts = train(tmp_path / "parts")
    assert (parts / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert not (parts / "checkpoint.safetensors").exists()


@TRAINERS
def test_a_checkpoint_of_another_run_is_not_resumed(train, tmp_path):
    asked = iter([False, False, True])
    with pytest.raises(TrainingStopped):
        train(tmp_path / "a", stop=lambda: next(asked), seed=1)
    resumed, fresh = train(tmp_path / "a", seed=2), train(tmp_path / "b", seed=2)
    assert (resumed / "model.safetensors").read_bytes() == (fresh / "model.safetensors").read_bytes()


def test_a_damaged_checkpoint_is_started_over(tmp_path):
    (tmp_path / "checkpoint.safetensors").write_bytes(b"\0" * 40)
    assert (train_pictures(tmp_path) / "config.json").is_file()


@TRAINERS
def test_a_checkpoint_with_a_flipped_bit_is_started_over(train, tmp_path):
    asked = iter([False, False, True])
    with pytest.raises(TrainingStopped):
        train(tmp_path / "a", stop=lambda: next(asked))
    path = tmp_path / "a/checkpoint.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) * 3 // 4] ^= 1
    path.write_bytes(content)
    resumed, fresh = train(tmp_path / "a"), train(tmp_path / "b")
    assert (resumed / "model.safetensors").read_bytes() == (fresh / "model.safetensors").read_bytes()


def test_a_finished_run_is_not_repeated(tmp_path):
    def forbidden():
        raise AssertionError("trained again")

    train_pictures(tmp_path)
    assert train_pictures(tmp_path, stop=forbidden) == tmp_path


@TRAINERS
@pytest.mark.parametrize(
    ("kinds", "parts"),
    [
        ({}, {"text", "graph"}),
        ({"text": False}, {"graph"}),
        ({"graph": False}, {"text"}),
        ({"text": False, "graph": False}, {"instance"}),
    ],
)
def test_trains_on_whatever_there_is(train, kinds, parts, tmp_path):
    folder = train(tmp_path, **kinds)
    columns = json.loads((folder / "config.json").read_text())["model"]["parts"]
    assert {name for name, (start, stop) in columns.items() if stop > start} - {"detail"} == parts


@TRAINERS
@pytest.mark.parametrize("items", [1, 2, 5])
def test_trains_on_very_few_items(train, items, tmp_path):
    encoder = load_encoder(f"student:{train(tmp_path, items)}", device="cpu")
    item = toy_drawings(1)[0] if encoder.modality == "image" else Waveform(toy_clips(1)[0], 8000)
    assert np.isfinite(encoder.encode([item])).all()


@pytest.mark.parametrize("seconds", [0.0002, 0.2, 30.0])
def test_sounds_of_any_length(audio_student_folder, seconds):
    encoder = load_encoder(f"student:{audio_student_folder}", device="cpu")
    samples = np.random.default_rng(0).normal(0, 0.1, max(1, round(seconds * 8000))).astype(np.float32)
    vectors = encoder.encode([Waveform(samples, 8000)])
    np.testing.assert_allclose(np.linalg.norm(vectors), 1, atol=1e-4)


def test_flat_clips_equal_listed_clips(tmp_path):
    whole = [np.round(wave * 32768).astype(np.int16) for wave in toy_clips(6)]
    offsets = np.cumsum([0, *map(len, whole)])
    options = {"seed": 0, "report": lambda *_: None, "stop": never}
    flat = train_audio_student(
        (np.concatenate(whole), offsets),
        8000,
        toy_supervision(6),
        TINY_AUDIO,
        out=tmp_path / "flat",
        **options,
    )
    listed = train_audio_student(
        [wave.astype(np.float32) / 32768 for wave in whole], 8000, toy_supervision(6), TINY_AUDIO,
        out=tmp_path / "listed", **options,
    )  # fmt: skip
    assert (flat / "model.safetensors").read_bytes() == (listed / "model.safetensors").read_bytes()


def test_held_out_items_do_not_teach(tmp_path):
    train = np.arange(12) < 8
    pictures = toy_drawings(12)
    options = {"seed": 0, "report": lambda *_: None, "stop": never}
    known = toy_supervision(12, train=train)
    first = train_image_student(pictures, known, TINY_IMAGE, out=tmp_path / "a", **options)
    pictures[8:] = 0
    second = train_image_student(pictures, known, TINY_IMAGE, out=tmp_path / "b", **options)
    assert (first / "model.safetensors").read_bytes() == (second / "model.safetensors").read_bytes()


def test_unseen_pictures_and_sounds_land_with_their_kind(tmp_path):
    train = np.arange(30) < 21
    config = dataclasses.replace(TINY_IMAGE, epochs=12)
    folder = train_pictures(tmp_path / "image", 30, config, train=train)
    vectors = load_encoder(f"student:{folder}", device="cpu").encode(list(toy_drawings(30)))[:, :8]
    nearest = (vectors[21:] @ vectors[:21].T).argmax(1)
    assert (nearest % 3 == np.arange(21, 30) % 3).mean() >= 0.85
    config_audio = dataclasses.replace(TINY_AUDIO, epochs=12)
    folder = train_sounds(tmp_path / "audio", 30, config_audio, train=train)
    encoder = load_encoder(f"student:{folder}", device="cpu")
    heard = encoder.encode([Waveform(wave, 8000) for wave in toy_clips(30)])
    nearest = (heard[21:] @ heard[:21].T).argmax(1)
    assert (nearest % 3 == np.arange(21, 30) % 3).mean() >= 0.85


def test_training_vectors_are_those_of_strangers(image_student_folder):
    items, left_out = training_vectors(image_student_folder)
    np.testing.assert_array_equal(items, np.arange(24))
    encoder = load_encoder(f"student:{image_student_folder}", device="cpu")
    assert left_out.shape == (24, encoder.dim)
    np.testing.assert_allclose(np.linalg.norm(left_out, axis=1), 1, atol=1e-2)


def test_reports_progress_and_losses(tmp_path):
    seen = []
    train_image_student(
        toy_drawings(12),
        toy_supervision(12),
        TINY_IMAGE,
        seed=0,
        out=tmp_path,
        report=lambda *x: seen.append(x),
        stop=never,
    )
    ratio, losses = seen[-1]
    assert ratio == 1.0
    assert {"text", "graph", "total"} <= set(losses)


@pytest.mark.parametrize(
    "broken",
    [
        {"owner": np.arange(5) + 100},
        {"train": np.ones(4, bool)},
        {"train": np.zeros(5, bool)},
        {"targets": np.ones((2, 8), np.float32)},
        {"neighbours": (np.arange(6), np.zeros(2, np.int64))},
    ],
)
def test_supervision_that_does_not_fit_is_refused(broken):
    with pytest.raises(SupervisionError):
        dataclasses.replace(toy_supervision(5), **broken)


def test_media_that_do_not_fit_are_refused(tmp_path):
    options = {"seed": 0, "out": tmp_path, "report": lambda *_: None, "stop": never}
    with pytest.raises(SupervisionError, match="3 pictures"):
        train_image_student(toy_drawings(3), toy_supervision(5), TINY_IMAGE, **options)
    with pytest.raises(SupervisionError, match="shape"):
        train_image_student(toy_drawings(5)[..., 0], toy_supervision(5), TINY_IMAGE, **options)
    with pytest.raises(SupervisionError, match="no samples"):
        train_audio_student([np.zeros(0, np.float32)] * 5, 8000, toy_supervision(5), TINY_AUDIO, **options)


@pytest.mark.parametrize(("seconds", "grid"), [(1.0, (40, 400)), (3.0, (64, 320))])
def test_the_grid_follows_the_clips_length(seconds, grid, tmp_path):
    config = dataclasses.replace(TINY_AUDIO, mels=None, hop=None, window=1024, max_steps=1)
    tone = np.sin(np.arange(int(16_000 * seconds)) / 9).astype(np.float32)
    options = {"seed": 0, "out": tmp_path, "report": lambda *_: None, "stop": never}
    train_audio_student([tone, tone / 2, tone / 3, tone / 4], 16_000, toy_supervision(4), config, **options)
    model = json.loads((tmp_path / "config.json").read_text())["model"]
    assert (model["mels"], model["hop"]) == grid
